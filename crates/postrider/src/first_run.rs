//! What the first `serve --dev` says: the key, once, and two commands to paste.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// What the text is made from.
#[derive(Clone, Copy, Debug)]
pub struct FirstRun<'a> {
    /// Address that the server listens on.
    pub listen: SocketAddr,
    /// The organisation that was made.
    pub org: &'a str,
    /// Its API key.
    pub key: &'a str,
    /// A new signing secret, `whsec_...`, for the receiver and its endpoint.
    pub secret: &'a str,
    /// This program, as a shell finds it: see [`program`].
    pub program: &'a str,
    /// Port for the receiver.
    pub receiver_port: u16,
}

/// The text for a first start.
///
/// The commands are for an interactive sh, bash or zsh: no comments (zsh would run them),
/// no `!` (bash would expand it), nothing unquoted that zsh could take for a pattern.
pub fn banner(first: &FirstRun<'_>) -> String {
    let FirstRun {
        org,
        key,
        secret,
        receiver_port,
        ..
    } = *first;
    let api = format!("http://{}/api/v1", reachable(first.listen));
    let program = shell_word(first.program);
    format!(
        r#"
First start: made the organisation "{org}" and an API key for it, shown only now:

  {key}

To see a first event arrive, paste this into a second terminal. It receives, checks and prints:

{program} receive --port {receiver_port} --secret {secret}

And this into a third. It makes an application, registers the receiver, publishes an event:

(
  api='{api}' key='{key}'
  post() {{ curl -sS -w '\n' -X POST "$api/$1" -H "authorization: Bearer $key" -H 'content-type: application/json' -d "$2"; }}
  post 'app?get_if_exists=true' '{{"name":"First app","uid":"first-app"}}'
  post 'app/first-app/endpoint' '{{"url":"http://127.0.0.1:{receiver_port}/","uid":"first-receiver","secret":"{secret}"}}'
  post 'app/first-app/msg' '{{"eventType":"invoice.paid","payload":{{"invoice":"in_1","amount":4200,"currency":"EUR"}}}}'
)

"#
    )
}

/// The address to reach the server under: an unspecified one is for listening only.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

/// How a shell in `directory` starts the program at `executable`: by a path from there if the
/// program lies below it, else by the whole path.
pub fn program(executable: &Path, directory: &Path) -> String {
    let path = executable.strip_prefix(directory).unwrap_or(executable);
    let text = path.to_string_lossy();
    if path.is_relative() && !text.contains('/') {
        return format!("./{text}");
    }
    text.into_owned()
}

/// `text` as one word of a shell command.
fn shell_word(text: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "/._-+".contains(char);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    const FIRST: FirstRun<'static> = FirstRun {
        listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8071),
        org: "default",
        key: "prk_Key",
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        program: "target/release/postrider",
        receiver_port: 8072,
    };

    /// The lines of the subshell, parentheses included.
    fn publish_block(text: &str) -> String {
        let start = text.find("\n(\n").unwrap();
        let end = text.find("\n)\n").unwrap();
        text[start..=end + 2].to_owned()
    }

    #[test]
    fn the_receiver_and_its_endpoint_share_the_secret_and_the_port() {
        let text = banner(&FIRST);
        assert!(text.contains(
            "\ntarget/release/postrider receive --port 8072 \
             --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"
        ));
        assert!(text.contains(
            r#"{"url":"http://127.0.0.1:8072/","uid":"first-receiver","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"#
        ));
    }

    #[test]
    fn the_key_and_the_address_are_in_the_commands() {
        let text = publish_block(&banner(&FIRST));
        assert!(
            text.contains("api='http://127.0.0.1:8071/api/v1' key='prk_Key'"),
            "{text}"
        );
    }

    #[test]
    fn the_block_makes_three_posts_in_a_posix_shell() {
        // A `curl` that prints its arguments, one a line, takes the place of the real one.
        let script = format!(
            "curl() {{ printf '%s\\n' \"$@\"; }}\n{}",
            publish_block(&banner(&FIRST))
        );
        let output = Command::new("sh")
            .args(["-eu", "-c", &script])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<_> = said.lines().collect();
        let urls: Vec<_> = lines
            .iter()
            .filter(|line| line.starts_with("http"))
            .collect();
        assert_eq!(
            urls,
            [
                &"http://127.0.0.1:8071/api/v1/app?get_if_exists=true",
                &"http://127.0.0.1:8071/api/v1/app/first-app/endpoint",
                &"http://127.0.0.1:8071/api/v1/app/first-app/msg",
            ]
        );
        let bodies: Vec<serde_json::Value> = lines
            .iter()
            .filter(|line| line.starts_with('{'))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(bodies.len(), 3);
        assert_eq!(bodies[2]["eventType"], "invoice.paid");
        assert!(lines.contains(&"authorization: Bearer prk_Key"));
    }

    #[test]
    fn an_interactive_shell_takes_the_text_as_it_stands() {
        let text = publish_block(&banner(&FIRST));
        assert!(!text.contains(['!', '#', '`']), "{text}");
    }

    #[test]
    fn a_server_that_listens_everywhere_is_reached_on_loopback() {
        let everywhere = FirstRun {
            listen: "[::]:9000".parse().unwrap(),
            ..FIRST
        };
        assert!(banner(&everywhere).contains("http://[::1]:9000/api/v1"));
    }

    #[test]
    fn the_program_is_named_from_the_working_directory_if_it_lies_below() {
        let directory = Path::new("/repo");
        assert_eq!(
            program(Path::new("/repo/target/release/postrider"), directory),
            "target/release/postrider"
        );
        assert_eq!(
            program(Path::new("/repo/postrider"), directory),
            "./postrider"
        );
        assert_eq!(
            program(Path::new("/usr/bin/postrider"), directory),
            "/usr/bin/postrider"
        );
    }

    #[test]
    fn a_path_with_a_space_or_a_quote_stays_one_word() {
        assert_eq!(shell_word("/my dir/it's"), r"'/my dir/it'\''s'");
    }
}
