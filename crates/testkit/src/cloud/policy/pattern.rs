//! `*` and `?` in names.

/// Does `text` fit `pattern`, in which `*` stands for any characters and `?` for one?
#[must_use]
pub fn fits(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut read) = (0, 0);
    // Where the last star stood, and what it has been tried to swallow up to.
    let mut star: Option<(usize, usize)> = None;
    while let Some(&letter) = text.get(read) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == letter => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((position, swallowed)) = star else { return false };
                star = Some((position, swallowed + 1));
                at = position + 1;
                read = swallowed + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

/// Does `arn` fit `pattern`? Each of the six parts is compared on its own: a `*` does not reach
/// over a colon, but in the last.
#[must_use]
pub fn arn_fits(pattern: &str, arn: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.splitn(6, ':'), arn.splitn(6, ':'));
    loop {
        match (patterns.next(), parts.next()) {
            (Some(pattern), Some(part)) if fits(pattern, part) => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}
