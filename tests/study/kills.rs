//! Whoever is killed goes on, and whoever is asked to stop says how.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Folder, STUDY, said};

/// Processes whose parent is `parent`.
fn children(parent: u32) -> Vec<i32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let is_child = |entry: &fs::DirEntry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (_, rest) = stat.rsplit_once(") ")?;
        (rest.split(' ').nth(1)? == parent.to_string()).then_some(())?;
        entry.file_name().to_str()?.parse().ok()
    };
    processes.filter_map(|entry| is_child(&entry)).collect()
}

fn kill(pid: i32, signal: Signal) {
    // It may have ended by now.
    let _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
}

/// Waits for what must come.
fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !there() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{what} did not come");
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_study_killed_anywhere_ends_with_the_same_tables() {
    let folder = Folder::new(STUDY);
    let text = folder.ends("whole", &[], 0);
    let (done, all) = folder.done("whole");
    assert_eq!(done, all);
    assert!(text.contains(&format!("{all} of {all} done")), "{text}");
    let expected = folder.results("whole");
    assert!(expected.keys().any(|name| name.starts_with("tables/")), "{:?}", expected.keys());
    // Killed again and again, each time a little later: the study, or the job in hand and then the study.
    let mut kills = 0;
    loop {
        let before = folder.done("killed").0;
        let mut study = folder.command("killed");
        let mut study = study.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_millis(100 * kills);
        wait_for("a job or its time", || {
            let ended = study.try_wait().unwrap().is_some();
            ended || Instant::now() > until || folder.done("killed").0 > before
        });
        if kills % 2 == 1 {
            children(study.id()).into_iter().for_each(|pid| kill(pid, Signal::KILL));
        }
        study.kill().unwrap();
        if study.wait().unwrap().code().is_some() {
            break;
        }
        kills += 1;
    }
    assert!(kills >= 3, "only {kills} kills");
    // A job whose study was killed may still be ending.
    wait_for("the lock", || folder.command("killed").output().unwrap().status.code() == Some(0));
    let found = folder.results("killed");
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, bytes) in &expected {
        let text =
            |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
        assert!(&found[name] == bytes, "{name} differs: {} {}", text(&found[name]), text(bytes));
    }
}

#[test]
fn a_study_that_is_asked_to_stop_says_how_to_go_on_and_writes_the_report_of_what_is_there() {
    let folder = Folder::new(STUDY);
    let mut study = folder.command("out");
    let study = study.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("a job", || folder.done("out").0 > 0);
    kill(study.id() as i32, Signal::TERM);
    let output = study.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(said(&output).contains("the same command goes on"), "{}", said(&output));
    let report = fs::read_to_string(folder.path("out/report.md")).unwrap();
    assert!(report.contains("evaluate on test"), "what is not done is named: {report}");
    let (done, all) = folder.done("out");
    assert!(done > 0 && done < all);
}
