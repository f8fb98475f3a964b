//! Who holds a lease: host, process, and a random part; and whether that process is dead.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use billhook_registry::new_holder;

use crate::EngineError;

/// The host of machines that have no name. Two of them cannot be told apart.
const NAMELESS: &str = "this machine";

/// The namespace of processes that all are in unless they are in a container: a constant of Linux.
const OUTERMOST: &str = "4026531836";

/// This process, as a holder of leases.
///
/// # Errors
/// When the operating system gives no random numbers.
pub fn me() -> Result<String, EngineError> {
    Ok(new_holder(&host())?)
}

/// The name of this machine. The numbers of processes mean something only among those that see
/// each other, so a container says which namespace it is.
fn host() -> String {
    let file = fs::read_to_string("/etc/hostname").ok();
    let name = file.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    let name = name.trim().replace('/', "-");
    if name.is_empty() {
        return NAMELESS.to_owned();
    }
    let link = fs::read_link("/proc/self/ns/pid").ok();
    let digits: String = link
        .iter()
        .flat_map(|link| link.to_string_lossy().into_owned().into_bytes())
        .filter(u8::is_ascii_digit)
        .map(char::from)
        .collect();
    if digits.is_empty() || digits == OUTERMOST { name } else { format!("{name}:{digits}") }
}

/// Is `holder` a process of the machine of `me`, and dead? What cannot be told is no.
pub(crate) fn is_dead(holder: &str, me: &str) -> bool {
    let mut parts = holder.split('/');
    let (host, process) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_here = host != NAMELESS && me.split('/').next() == Some(host);
    is_here && process.parse::<u32>().is_ok_and(is_gone)
}

/// Is there no such process, or one that has ended and that nobody has asked about yet?
fn is_gone(process: u32) -> bool {
    if !Path::new("/proc/self/stat").exists() {
        return false;
    }
    match fs::read_to_string(format!("/proc/{process}/stat")) {
        // The state follows the name of the program, which may hold anything but ends in `)`.
        Ok(stat) => {
            let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
            state.starts_with(['Z', 'X'])
        }
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn only_dead_processes_of_this_machine_are_dead() {
        let me = me().unwrap();
        let host = me.split('/').next().unwrap();
        assert!(!host.is_empty());
        assert!(!is_dead(&me, &me));
        if !Path::new("/proc/self/stat").exists() || host == NAMELESS {
            return;
        }
        let mut child = Command::new("true").spawn().unwrap();
        let number = child.id();
        child.wait().unwrap();
        assert!(is_dead(&format!("{host}/{number}/0011aabb"), &me));
        assert!(!is_dead(&format!("elsewhere/{number}/0011aabb"), &me));
        for odd in ["", "/", "billhook", "HOST", "HOST/x/y"] {
            let odd = odd.replace("HOST", host);
            assert!(!is_dead(&odd, &me), "{odd}");
        }
    }

    #[test]
    fn machines_without_a_name_are_not_told_apart() {
        assert!(!is_dead("this machine/4294967295/00", "this machine/1/00"));
    }

    #[test]
    fn a_process_that_nobody_has_asked_about_is_dead_too() {
        if !Path::new("/proc/self/stat").exists() {
            return;
        }
        let mut child = Command::new("true").spawn().unwrap();
        let number = child.id();
        // It is a zombie as soon as it has ended, and gone once it was asked about.
        while !is_gone(number) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }
}
