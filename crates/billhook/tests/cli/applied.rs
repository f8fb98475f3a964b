//! The set-up as commands and as Terraform, really applied: the commands to the emulator, by AWS's
//! own tool or by one that translates them word by word; the template to Terraform's own judgement.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::connections::{EXTERNAL_ID, KMS};
use crate::s3::Moto;
use crate::support::{Home, Ran, python};

const KINDS: [&str; 5] = ["cur", "data_export", "dbr", "cost_explorer", "focus_files"];

/// Does what the AWS CLI does with `aws SERVICE COMMAND --option value ... --query PATH --output`:
/// options are the parameters of the API in other letters.
const SHIM: &str = r"
import boto3, json, os, sys
service, command, *rest = sys.argv[1:]
options = dict(zip(rest[::2], rest[1::2]))
assert len(rest) % 2 == 0 and all(name.startswith('--') for name in options), rest
query, output = options.pop('--query', None), options.pop('--output', 'json')
client = boto3.client(service, endpoint_url=os.environ['AWS_ENDPOINT_URL'])
camel = lambda name: ''.join(word.title() for word in name.strip('-').split('-'))
answer = getattr(client, command.replace('-', '_'))(**{camel(k): v for k, v in options.items()})
answer.pop('ResponseMetadata', None)
for part in query.split('.') if query else []:
    answer = answer[part]
print(answer if output == 'text' else json.dumps(answer, default=str))
";

/// Tells what came of a role or user: who may assume it, and what it may do.
const TELL: &str = "
import ast, boto3, json, sys
endpoint, what, name = sys.argv[1:]
iam = boto3.client('iam', endpoint_url=endpoint, region_name='us-east-1',
                   aws_access_key_id='k', aws_secret_access_key='s')
def document(policy):
    # The emulator keeps the document of an inline policy as Python writes it.
    text = policy['PolicyDocument']
    return ast.literal_eval(text) if isinstance(text, str) else text
policy = 'billhook-read-billing'
if what == 'role':
    role = iam.get_role(RoleName=name)['Role']
    own = iam.get_role_policy(RoleName=name, PolicyName=policy)
    print(json.dumps([role['Arn'], role['AssumeRolePolicyDocument'], document(own)]))
else:
    user = iam.get_user(UserName=name)['User']
    own = iam.get_user_policy(UserName=name, PolicyName=policy)
    keys = iam.list_access_keys(UserName=name)['AccessKeyMetadata']
    print(json.dumps([user['Arn'], len(keys), document(own)]))
";

/// Where the emulator is, and what stands for AWS's tool.
struct Shell {
    home: Home,
    python: PathBuf,
    moto: Moto,
    /// What programs are looked for in.
    path: String,
}

impl Shell {
    fn start() -> Option<Self> {
        let python = python("BILLHOOK_TEST_PYTHON")?;
        let home = Home::new();
        let folder = home.path("bin");
        for name in ["bin", "nothing"] {
            fs::create_dir_all(home.path(name)).unwrap();
        }
        let moto = Moto::start(&python, &home.path("nothing"));
        let mut path = std::env::var("PATH").unwrap_or_default();
        let is_there = Command::new("aws").arg("--version").output();
        if !is_there.is_ok_and(|output| output.status.success()) {
            shim(&python, &folder.join("aws"));
            path = format!("{}:{path}", folder.display());
        }
        Some(Self { home, python, moto, path })
    }

    /// Prints a form of a set-up.
    fn printed(&self, kind: &str, form: &str, who: &[&str]) -> String {
        let place = ["--bucket", "s3://bills/cur/hourly", "--key", KMS];
        let ran = self.home.run(&[&["access", kind, "--format", form][..], &place, who].concat());
        assert_eq!(ran.code, 0, "{kind} {form}: {}", ran.err);
        ran.out
    }

    /// Runs commands as a user would who pastes them.
    fn run(&self, commands: &str) -> Ran {
        let mut command = Command::new("sh");
        command.args(["-e", "-c", commands]).env("PATH", &self.path);
        for (name, value) in [
            ("AWS_ENDPOINT_URL", self.moto.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "k"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_PAGER", ""),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ] {
            command.env(name, value);
        }
        command.env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN");
        Ran::of(command.output().unwrap())
    }

    /// What came of a role or user.
    fn tell(&self, what: &str, name: &str) -> Value {
        let arguments = ["-c", TELL, &self.moto.endpoint, what, name];
        let ran = Ran::of(Command::new(&self.python).args(arguments).output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.err);
        serde_json::from_str(&ran.out).unwrap()
    }
}

/// Writes the translating tool.
fn shim(python: &Path, path: &Path) {
    fs::write(path, format!("#!{}\n{SHIM}", python.display())).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn commands_make_the_role_or_user_that_is_printed() {
    let Some(shell) = Shell::start() else { return };
    for kind in KINDS {
        let name = format!("billhook-{kind}");
        let trust = ["--name", &name, "--trust", "444455556666", "--external-id", EXTERNAL_ID];
        let document = |form: &str| -> Value {
            serde_json::from_str(&shell.printed(kind, form, &trust)).unwrap()
        };
        let ran = shell.run(&shell.printed(kind, "cli", &trust));
        assert_eq!(ran.code, 0, "{kind}: {}{}", ran.out, ran.err);
        let role = shell.tell("role", &name);
        // The last command tells what `billhook connect` wants to know.
        assert_eq!(ran.out.lines().next_back(), role[0].as_str(), "{kind}");
        assert_eq!((&role[1], &role[2]), (&document("trust"), &document("policy")), "{kind}");

        let ran = shell.run(&shell.printed(kind, "cli", &["--name", &name]));
        assert_eq!(ran.code, 0, "{kind}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("SecretAccessKey"), "{kind}: {}", ran.out);
        let user = shell.tell("user", &name);
        assert_eq!((&user[1], &user[2]), (&Value::from(1), &document("policy")), "{kind}");
    }
}

/// The tool that stands in where there is none of AWS's does the same with the same commands.
#[test]
fn commands_are_translated_word_by_word() {
    let Some(mut shell) = Shell::start() else { return };
    let folder = shell.home.path("shim");
    fs::create_dir_all(&folder).unwrap();
    shim(&shell.python, &folder.join("aws"));
    shell.path = format!("{}:{}", folder.display(), shell.path);
    let trust = ["--trust", "444455556666", "--external-id", EXTERNAL_ID];
    let ran = shell.run(&shell.printed("cur", "cli", &trust));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let role = shell.tell("role", "billhook");
    assert_eq!(ran.out.lines().next_back(), role[0].as_str());
    // A command that fails ends the others.
    let ran = shell.run(&shell.printed("cur", "cli", &trust));
    assert_ne!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("EntityAlreadyExists"), "{}", ran.err);
}

/// A folder with Terraform's AWS provider, so that nothing has to be fetched.
fn providers() -> Option<PathBuf> {
    let named = std::env::var_os("BILLHOOK_TERRAFORM_PROVIDERS").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let usual = ["/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins"];
    let folders = named
        .into_iter()
        .chain(home.map(|home| home.join(".terraform.d/plugins")))
        .chain(usual.map(PathBuf::from));
    let is_there = |folder: &PathBuf| folder.join("registry.terraform.io/hashicorp/aws").is_dir();
    folders.into_iter().find(is_there)
}

#[test]
fn terraform_takes_the_template() {
    if Command::new("terraform").arg("-version").output().is_err() {
        eprintln!("SKIPPED: terraform validate: there is no terraform on this machine");
        return;
    }
    let Some(providers) = providers() else {
        eprintln!(
            "SKIPPED: terraform validate: there is no AWS provider in ~/.terraform.d/plugins or \
             BILLHOOK_TERRAFORM_PROVIDERS"
        );
        return;
    };
    let home = Home::new();
    let role = ["--trust", "444455556666", "--external-id", EXTERNAL_ID];
    for kind in KINDS {
        for (reader, who) in [("role", &role[..]), ("user", &[])] {
            let place = ["--bucket", "s3://bills/cur/hourly", "--key", KMS];
            let form = ["access", kind, "--format", "terraform"];
            let ran = home.run(&[&form, &place[..], who].concat());
            assert_eq!(ran.code, 0, "{kind} {reader}: {}", ran.err);
            let folder = home.path(&format!("{kind}-{reader}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("main.tf"), ran.out).unwrap();
            let plugins = format!("-plugin-dir={}", providers.display());
            let init = ["init", "-backend=false", "-input=false", "-no-color", plugins.as_str()];
            for args in [&init[..], &["validate", "-no-color"]] {
                let mut command = Command::new("terraform");
                command.args(args).current_dir(&folder).env_remove("TF_CLI_CONFIG_FILE");
                let ran = Ran::of(command.output().unwrap());
                assert_eq!(ran.code, 0, "{kind} {reader}: {}{}", ran.out, ran.err);
            }
        }
    }
}
