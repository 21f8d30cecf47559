//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use postrider_delivery::Role;

const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   tried and failed
  2   the command line or a setting is wrong; nothing was done
  69  the database does not answer

Settings come from flags, POSTRIDER_* variables, postrider.toml and defaults, in this order;
`postrider config` shows them all.";

/// Sends webhooks: signed, retried, recorded.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    /// Settings file [default: postrider.toml in the working directory, if there is one]
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the server
    #[command(after_help = "\
Examples:
  postrider serve --dev
  postrider serve --listen 0.0.0.0:8071 --database-url postgres://postrider@db/postrider
  postrider serve --role worker")]
    Serve(ServeArgs),
    /// Brings the database up to date and leaves; `serve` does so by itself
    #[command(after_help = "\
Examples:
  postrider migrate
  postrider migrate --database-url postgres://postrider@db/postrider")]
    Migrate(DatabaseArgs),
    /// Copies the database to a file, beside running servers, and checks the copy
    #[command(after_help = "\
On SQLite the copy is a database file; on PostgreSQL pg_dump makes it, which must be in the PATH.
The main secret is not in it: keep that apart.

Examples:
  postrider backup /backups/postrider-$(date +%F).db
  postrider backup --force latest.dump --database-url postgres://postrider@db/postrider")]
    Backup(BackupArgs),
    /// Puts a backup in the database's place, or leaves everything as it was
    #[command(after_help = "\
Stop every server first. Deliveries that were pending in the backup are sent when a server starts,
also those that have been sent since it was made.

Examples:
  postrider restore /backups/postrider-2026-11-30.db
  postrider restore --force latest.dump --database-url postgres://postrider@db/postrider")]
    Restore(RestoreArgs),
    /// Makes, lists and revokes API keys, also beside a running server
    #[command(subcommand)]
    Key(KeyCommand),
    /// Prints a link that signs in to the console once, within ten minutes
    #[command(after_help = "\
Examples:
  postrider login-link
  postrider login-link --org acme")]
    LoginLink(LoginLinkArgs),
    /// Receives webhooks, checks their signatures and prints them: for trying things out
    #[command(after_help = "\
Examples:
  postrider receive --secret whsec_...
  postrider receive --port 0 --status 503 --delay 2000")]
    Receive(ReceiveArgs),
    /// Checks a request that was pasted or saved, and says in words what is wrong with it
    #[command(after_help = "\
The request is read from a file or from standard input: header lines, an empty line, and the
body byte for byte, as `postrider receive`, a proxy or a log shows it.

Examples:
  postrider verify --secret whsec_... request.txt
  pbpaste | postrider verify --secret whsec_... --at received
  postrider verify --secret \"$SECRET\" -H 'X-Hub-Signature-256: sha256=...' --body body.json")]
    Verify(VerifyArgs),
    /// Shows every setting, its value, its default and where the value is from
    #[command(after_help = "\
Examples:
  postrider config
  postrider config --format json | jq '.[] | select(.origin != \"default\")'")]
    Config(ConfigArgs),
    /// Prints a completion script for a shell
    #[command(after_help = "\
Examples:
  postrider completions bash > ~/.local/share/bash-completion/completions/postrider
  postrider completions zsh > \"${fpath[1]}/_postrider\"
  postrider completions fish > ~/.config/fish/completions/postrider.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Args, Debug, Default)]
pub(crate) struct DatabaseArgs {
    /// Where the data is kept: sqlite://PATH or postgres://... (POSTRIDER_DATABASE_URL)
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) database_url: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct BackupArgs {
    /// File to be made
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Replaces FILE if it exists
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Also over a newer database, over one on PostgreSQL that is not empty, and without the
    /// main secret that the backup was made under
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// For a developer's machine: allows loopback receivers and, at the first start, makes an
    /// API key and shows it once
    #[arg(long)]
    pub(crate) dev: bool,
    /// What this node does (POSTRIDER_ROLE)
    #[arg(long, value_parser = Role::ALL.map(role))]
    pub(crate) role: Option<String>,
    /// Address to serve on (POSTRIDER_LISTEN)
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Makes a key and prints it, alone, to standard output: it is shown this once
    #[command(after_help = "\
Examples:
  postrider key create --org acme
  KEY=$(postrider key create --org acme --app first-app --read-only --name 'support desk')")]
    Create(KeyCreateArgs),
    /// Lists keys, without the keys themselves
    #[command(after_help = "\
Examples:
  postrider key list
  postrider key list --org acme")]
    List(KeyListArgs),
    /// Revokes a key: running servers refuse it within a second
    #[command(after_help = "\
Examples:
  postrider key revoke key_...")]
    Revoke(KeyRevokeArgs),
}

#[derive(Args, Debug)]
pub(crate) struct KeyCreateArgs {
    /// Organisation that the key belongs to; made if it is new
    #[arg(long, value_name = "NAME")]
    pub(crate) org: String,
    /// Confines the key to this application (id or uid)
    #[arg(long, value_name = "ID")]
    pub(crate) app: Option<String>,
    /// Lets the key read and nothing else
    #[arg(long)]
    pub(crate) read_only: bool,
    /// What the key is for, as lists show it
    #[arg(long, value_name = "LABEL")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

#[derive(Args, Debug)]
pub(crate) struct KeyListArgs {
    /// Only this organisation's keys
    #[arg(long, value_name = "NAME")]
    pub(crate) org: Option<String>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

#[derive(Args, Debug)]
pub(crate) struct KeyRevokeArgs {
    /// Id of the key, as `key list` shows it
    #[arg(value_name = "KEY_ID")]
    pub(crate) key_id: String,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

#[derive(Args, Debug)]
pub(crate) struct LoginLinkArgs {
    /// Organisation to sign in to
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) org: String,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ReceiveArgs {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "P", default_value_t = 8072)]
    pub(crate) port: u16,
    /// Secret to check signatures with, whsec_... or whpk_...; may be repeated
    #[arg(long = "secret", value_name = "S")]
    pub(crate) secrets: Vec<String>,
    /// HTTP status to answer with
    #[arg(long, value_name = "N", default_value_t = 204, value_parser = clap::value_parser!(u16).range(200..=599))]
    pub(crate) status: u16,
    /// Milliseconds to wait before the answer
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) delay: u64,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// File with the request; standard input unless given
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["headers", "body"])]
    pub(crate) request: Option<PathBuf>,
    /// Secret as the receiver has it; may be repeated
    #[arg(long = "secret", value_name = "S", required = true)]
    pub(crate) secrets: Vec<String>,
    /// Who signs in this way; told by the headers unless given
    #[arg(long, value_enum)]
    pub(crate) scheme: Option<VerifyScheme>,
    /// A header, `Name: value`; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER", requires = "body")]
    pub(crate) headers: Vec<String>,
    /// File with the body alone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "headers")]
    pub(crate) body: Option<PathBuf>,
    /// When it was received, in Unix seconds, or `received` for the time of its signing: judges
    /// everything but the age [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) at: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerifyScheme {
    /// Standard Webhooks: webhook-signature or svix-signature.
    Standard,
    /// GitHub: X-Hub-Signature-256.
    Github,
    /// Stripe: Stripe-Signature.
    Stripe,
    /// Slack: X-Slack-Signature.
    Slack,
}

#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    /// How to show them
    #[arg(long, value_enum, default_value_t = ConfigFormat::Table)]
    pub(crate) format: ConfigFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConfigFormat {
    /// For people.
    Table,
    /// A list of objects.
    Json,
}

/// A role with what it means, for help and completions.
fn role(role: Role) -> PossibleValue {
    PossibleValue::new(role.word()).help(match role {
        Role::All => "Takes requests and delivers",
        Role::Api => "Takes requests",
        Role::Worker => "Delivers",
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
