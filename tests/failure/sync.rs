//! 202 means durable: the system calls tell.

use std::process::Stdio;

use postrider_testkit::{Engine, Server, eventually, run};
use tokio::process::Command;

const MESSAGES: usize = 25;

/// Counts the answers with 202 before which no sync of the disk ended since the answer
/// before.
fn unsynced(trace: &str) -> (usize, usize) {
    let (mut answers, mut bare, mut synced) = (0, 0, false);
    for line in trace.lines() {
        let is_sync = line.contains("fdatasync") || line.contains("fsync");
        if is_sync && line.trim_end().ends_with("= 0") {
            synced = true;
        } else if line.contains("HTTP/1.1 202") {
            answers += 1;
            bare += usize::from(!synced);
            synced = false;
        }
    }
    (answers, bare)
}

#[test]
fn each_202_on_sqlite_comes_after_a_sync_to_disk() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("trace");
        let server = Server::start(Engine::Sqlite).await;
        let app = server.client().app().await;
        let mut strace = Command::new("strace")
            .args([
                "-f",
                "-e",
                "trace=fsync,fdatasync,write,writev,sendto,sendmsg",
                "-s",
                "16",
            ])
            .arg("-p")
            .arg(server.id().to_string())
            .arg("-o")
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("this test needs strace (on Debian: apt-get install strace)");
        let trace = || std::fs::read_to_string(&file).unwrap_or_default();
        eventually("strace to see the server", async || {
            server.client().get("/health/ping").await;
            if trace().contains("HTTP/1.1 204") {
                Ok(())
            } else {
                Err(trace())
            }
        })
        .await;
        for _ in 0..MESSAGES {
            app.publish("a.b", "{}").accepted().await;
        }
        let (answers, bare) = eventually("all answers in the trace", async || {
            let found = unsynced(&trace());
            if found.0 >= MESSAGES {
                Ok(found)
            } else {
                Err(found)
            }
        })
        .await;
        let _ = strace.kill().await;
        assert_eq!((answers, bare), (MESSAGES, 0), "{}", trace());
    });
}

#[test]
fn the_check_of_a_trace_finds_an_answer_without_a_sync() {
    let good = "1 fdatasync(9) = 0\n2 writev(5, [{iov_base=\"HTTP/1.1 202 Acce\"...\n";
    let late = "2 writev(5, [{iov_base=\"HTTP/1.1 202 Acce\"...\n1 fdatasync(9) = 0\n";
    let resumed = "1 <... fdatasync resumed>) = 0\n2 sendto(5, \"HTTP/1.1 202 Acce\"...\n";
    let unfinished = "1 fdatasync(9 <unfinished ...>\n2 sendto(5, \"HTTP/1.1 202 Acce\"...\n";
    assert_eq!(unsynced(good), (1, 0));
    assert_eq!(unsynced(late), (1, 1));
    assert_eq!(unsynced(resumed), (1, 0));
    assert_eq!(unsynced(unfinished), (1, 1));
}
