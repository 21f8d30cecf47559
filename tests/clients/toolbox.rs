//! Installs what the clients' tests need, once, and runs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use postrider_testkit::{Server, once_per_fingerprint, target_dir};

/// The folder of one language's tests.
pub(crate) fn sources(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("clients")
        .join(language)
}

/// The folder of the examples that the API reference shows.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples")
}

/// Where that language's packages are installed.
fn installed(language: &str) -> PathBuf {
    target_dir().join("test-clients").join(language)
}

/// Copies the JavaScript tests beside their packages, which is where Node looks for
/// these, and gives the folder.
pub(crate) fn javascript() -> PathBuf {
    let folder = installed("js");
    let example = examples().join("tour.mjs");
    let files: Vec<(String, String)> = fs::read_dir(sources("js"))
        .expect("the JavaScript tests are there")
        .map(|entry| entry.expect("the folder can be read").path())
        .chain([example])
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read_to_string(path).expect("text"))
        })
        .collect();
    let lock = files.iter().find(|(name, _)| name == "package-lock.json");
    let (_, lock) = lock.expect("a lock file");
    let packages = once_per_fingerprint(&folder, &[lock], || {
        for (name, text) in files.iter().filter(|(name, _)| name.starts_with("package")) {
            fs::write(folder.join(name), text).map_err(|error| error.to_string())?;
        }
        let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        run(Command::new("npm").args(npm).current_dir(&folder)).map(|_| ())
    });
    packages.unwrap_or_else(|error| panic!("the JavaScript client needs Node 20 and npm: {error}"));
    for (name, text) in &files {
        // By rename, so that another test never reads half of one.
        let part = folder.join(format!(".{name}.{}", std::process::id()));
        fs::write(&part, text).expect("the target folder can be written");
        fs::rename(&part, folder.join(name)).expect("the target folder can be written");
    }
    folder
}

/// Makes the Python environment of a file of requirements and gives its interpreter.
pub(crate) fn python(requirements: &str) -> PathBuf {
    let folder = installed(requirements.trim_end_matches(".txt"));
    let environment = folder.join("venv");
    let requirements = sources("python").join(requirements);
    let wanted = fs::read_to_string(&requirements).expect("text");
    let packages = once_per_fingerprint(&folder, &[&wanted], || {
        let _ = fs::remove_dir_all(&environment);
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment))?;
        let mut pip = Command::new(environment.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ]);
        run(pip.arg(&requirements)).map(|_| ())
    });
    packages
        .unwrap_or_else(|error| panic!("the tests in Python need Python 3.9 with venv: {error}"));
    environment.join("bin/python")
}

/// Builds the Rust client's program and gives its path.
pub(crate) fn rust() -> PathBuf {
    let folder = installed("rust");
    let sources = sources("rust");
    let read = |file: &str| fs::read_to_string(sources.join(file)).expect("text");
    let files = [
        "Cargo.toml",
        "Cargo.lock",
        "src/interop.rs",
        "src/main.rs",
        "src/methods.rs",
        "../../../docs/examples/tour.rs",
    ]
    .map(read);
    let built = once_per_fingerprint(&folder, &files.each_ref().map(String::as_str), || {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .args(["build", "--quiet", "--locked", "--target-dir"])
            .arg(&folder);
        run(cargo.current_dir(&sources)).map(|_| ())
    });
    built.unwrap_or_else(|error| panic!("the Rust client does not build: {error}"));
    folder.join("debug/postrider-client-tests")
}

/// Runs a command to its end with the server's address and key in its environment,
/// gives what it said, and panics with that when it fails.
pub(crate) async fn against(server: &Server, mut command: Command) -> String {
    command
        .env("POSTRIDER_TEST_URL", server.url())
        .env("POSTRIDER_TEST_KEY", server.key());
    tokio::task::spawn_blocking(move || run(&mut command))
        .await
        .expect("running a command does not panic")
        .unwrap_or_else(|error| panic!("{error}"))
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    if output.status.success() {
        Ok(said)
    } else {
        Err(format!("{command:?}: {}\n{said}", output.status))
    }
}
