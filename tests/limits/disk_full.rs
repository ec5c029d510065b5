//! Promise: a disk that is full, read-only or failing is said with the file it is about, nothing half
//! carries a name, and once it is well again the same command goes on to the same bytes.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::faults;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use faults::{EIO, Ended, Fault, Moment, Scene, Tree, covered, leftovers, resume, text};
use tcolz_format::dataset::Dataset;
use tcolz_format::sample::Status;

/// What carries a name is as it will be in the end; what does not is not there.
fn nothing_is_half(out: &Path, expected: &Tree) {
    assert_eq!(leftovers(out), [""; 0]);
    for (name, bytes) in common::tree(out) {
        if name.ends_with(".arrow") || name == "ledger.parquet" || name == "dataset.json" {
            assert!(expected[&name] == bytes, "{name} is half");
        }
    }
}

fn says_disk_full(said: &str) {
    assert!(said.contains("the disk is full"), "{said}");
    assert!(said.contains("the same command goes on where it was"), "{said}");
}

#[test]
fn a_disk_that_fills_at_any_byte_is_said_and_the_same_command_goes_on() {
    let Some(scene) = Scene::new() else { return };
    let (expected, _) = scene.undisturbed();
    let all: usize = expected.values().map(Vec::len).sum();
    let (mut failures, mut kept, mut room) = (0, 0, 0);
    loop {
        let disk = scene.disk("full");
        let ended = scene.run(&disk, Fault::Disk(room));
        if ended.0.status.success() {
            assert!(common::tree(&disk.join("out")) == expected);
            break;
        }
        says_disk_full(&ended.failed());
        let out = disk.join("out");
        nothing_is_half(&out, &expected);
        kept += covered(&out);
        failures += 1;
        resume(&scene, &disk, &expected, &format!("room for {room} bytes"));
        // Small steps at first: the plan and the log are short.
        room += if room < 2000 { 400 } else { all as u64 / 50 };
    }
    assert!(failures > 50, "{failures} full disks");
    assert!(kept > faults::LISTED, "shards were kept");
}

/// Runs a script in a namespace of its own, where it may mount; `$1` is the disk, `$2…` the command.
/// `None`, after saying so, where that is not allowed.
fn in_own_namespace(script: &str, disk: &Path, command: &Command) -> Option<Output> {
    let unshare = |script: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["-rm", "bash", "-c", script, "bash"]).arg(disk);
        unshare
    };
    let allowed = unshare("mount -t tmpfs -o size=1m none \"$1\"").output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        println!("skipped: nobody may mount here");
        return None;
    }
    let mut unshare = unshare(&format!("set -u; disk=$1; shift; {script}"));
    Some(unshare.arg(command.get_program()).args(command.get_args()).output().unwrap())
}

#[test]
fn a_real_small_disk_is_said_to_be_full_and_a_larger_one_is_filled() {
    let Some(scene) = Scene::new() else { return };
    let (expected, _) = scene.undisturbed();
    // Room for bytes, and room for names.
    for small in ["size=64k", "size=300k", "size=16m,nr_inodes=4", "size=16m,nr_inodes=9"] {
        let (disk, kept) = (scene.disk("small"), scene.disk("kept"));
        let command = scene.convert(&scene.photos(), &disk.join("out"));
        let script = format!(
            "mount -t tmpfs -o {small} none \"$disk\" || exit 90
             case {small} in size=64k)
                 \"$@\" && exit 95
                 ls -A \"$disk\" | grep . && exit 96;;
             esac
             \"$@\" --no-space-check && exit 91
             find \"$disk\" -name '.tcolz-unfinished-*' | grep . && exit 92
             mount -o remount,size=16m,nr_inodes=0 \"$disk\" || exit 93
             \"$@\" || exit 94
             cp -r \"$disk\"/out {}",
            kept.display()
        );
        let Some(output) = in_own_namespace(&script, &disk, &command) else { return };
        assert!(output.status.success(), "{small}: {:?}: {}", output.status, text(&output.stderr));
        let said = text(&output.stderr);
        says_disk_full(&said);
        // Before the first byte, where it can be told by then.
        assert_eq!(
            said.contains("the disk has 65.5 kB free; make room"),
            small == "size=64k",
            "{said}"
        );
        assert!(common::tree(&kept.join("out")) == expected, "{small}");
        fs::remove_dir_all(disk).unwrap();
        fs::remove_dir_all(kept).unwrap();
    }
}

#[test]
fn a_file_size_limit_is_said_and_without_it_the_same_command_goes_on() {
    let Some(scene) = Scene::new() else { return };
    let (expected, _) = scene.undisturbed();
    for kilobytes in [0, 1, 16, 64] {
        let disk = scene.disk("limited");
        let command = scene.convert(&scene.photos(), &disk.join("out"));
        let script = format!("ulimit -f {kilobytes}; exec \"$@\"");
        let mut bash = Command::new("bash");
        bash.args(["-c", &script, "bash"]).arg(command.get_program()).args(command.get_args());
        let said = Ended(bash.output().unwrap()).failed();
        let limit = tcolz_base::numbers::bytes(kilobytes * 1024);
        let told = format!("limited/out/{}", ["", "unfinished/"][usize::from(kilobytes == 0)]);
        assert!(said.contains(&told), "{kilobytes} KB: {said}");
        let told = format!("File too large: the limit is {limit} a file (`ulimit -f unlimited`");
        assert!(said.contains(&told), "{kilobytes} KB: {said}");
        assert!(said.contains("the same command goes on where it was"), "{said}");
        nothing_is_half(&disk.join("out"), &expected);
        resume(&scene, &disk, &expected, &format!("{kilobytes} KB a file"));
    }
}

#[test]
fn a_disk_that_may_not_be_written_to_is_named_and_nothing_is_made() {
    let Some(scene) = Scene::new() else { return };
    let disk = scene.disk("read-only");
    let command = scene.convert(&scene.photos(), &disk.join("out"));
    let script = "mount -t tmpfs none \"$disk\" && mount -o remount,ro \"$disk\" || exit 90
                  \"$@\"; code=$?; ls -A \"$disk\"; exit $code";
    if let Some(output) = in_own_namespace(script, &disk, &command) {
        assert_eq!(text(&output.stdout), "", "nothing is made");
        let said = Ended(output).failed();
        assert!(said.contains("read-only/out: Read-only file system"), "{said}");
    }
    let mut command = scene.convert(&scene.photos(), &disk.join("out"));
    fs::set_permissions(&disk, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::create_dir(disk.join("root-may")).is_ok() {
        fs::remove_dir(disk.join("root-may")).unwrap();
        let Some(other) = as_nobody(&command, &disk) else { return };
        command = other;
    }
    let said = Ended(command.output().unwrap()).failed();
    assert!(said.contains("read-only/out: Permission denied"), "{said}");
    assert_eq!(fs::read_dir(&disk).unwrap().count(), 0, "nothing is made");
    fs::set_permissions(&disk, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The command as a user who owns nothing; `None`, after saying so, where that cannot be.
fn as_nobody(command: &Command, disk: &Path) -> Option<Command> {
    let scene = disk.parent().unwrap();
    fs::set_permissions(scene, fs::Permissions::from_mode(0o755)).unwrap();
    // The folders above the program may be root's alone.
    let program = scene.join("tcolz");
    fs::copy(command.get_program(), &program).unwrap();
    let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let mut other = Command::new("setpriv");
    other.args(nobody).arg(&program);
    let works = Command::new("setpriv").args(nobody).arg(&program).arg("--version").output();
    if !works.is_ok_and(|output| output.status.success()) {
        println!("skipped: this is root, and root cannot become somebody else");
        return None;
    }
    other.args(command.get_args());
    Some(other)
}

#[test]
fn an_out_in_a_folder_that_may_not_be_written_to_is_filled_without_a_log() {
    let Some(scene) = Scene::new() else { return };
    let (expected, _) = scene.undisturbed();
    let disk = scene.disk("others");
    let out = disk.join("out");
    fs::create_dir(&out).unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(&disk, fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = scene.convert(&scene.photos(), &out);
    if fs::create_dir(disk.join("root-may")).is_ok() {
        fs::remove_dir(disk.join("root-may")).unwrap();
        let Some(other) = as_nobody(&command, &disk) else { return };
        command = other;
    }
    let ended = Ended(command.output().unwrap());
    ended.succeeded();
    let told =
        format!("no log is kept: {}: Permission denied", disk.join("out.log.jsonl").display());
    assert!(text(&ended.0.stdout).contains(&told), "{}", text(&ended.0.stdout));
    assert!(common::tree(&out) == expected);
    fs::set_permissions(&disk, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_photo_that_the_disk_cannot_read_is_quarantined_and_the_rest_is_stored() {
    let Some(scene) = Scene::new() else { return };
    // The first read brings the bytes, the second finds the end.
    for (name, read) in [("photo-one", 1), ("photo-two", 2)] {
        let disk = scene.disk(name);
        let event =
            scene.run(&disk, Fault::Read(read, EIO, "photos/train/cat/042.jpg")).succeeded();
        let dataset = Dataset::open(disk.join("out")).unwrap();
        let rows = dataset.find("cat/042.jpg").unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].status, rows[0].reason_code()),
            (Status::Quarantined, Some("unreadable"))
        );
        let reason = rows[0].reason.as_deref().unwrap();
        assert!(reason.contains("Input/output error"), "{reason}");
        assert_eq!((rows[0].place, rows[0].source), (None, None));
        // Of 150, three are cut off; the empty one makes the fifth that is bad.
        assert_eq!(event["counts"]["stored"], 146);
        assert_eq!(event["counts"]["quarantined"], 5);
        assert_eq!(event["counts"]["missing"], 2);
    }
}

#[test]
fn a_machine_in_trouble_is_no_fault_of_the_photo_that_it_reads() {
    let Some(scene) = Scene::new() else { return };
    let (expected, _) = scene.undisturbed();
    for (errno, words) in [
        (12, "Cannot allocate memory"),
        (23, "Too many open files in system"),
        (24, "Too many open files"),
        (107, "Transport endpoint is not connected"), // a mount whose program has died
        (110, "Connection timed out"),
        (116, "Stale file handle"),
    ] {
        let disk = scene.disk("trouble");
        let said = scene.run(&disk, Fault::Read(1, errno, "val/cat/130.jpg")).failed();
        assert!(said.contains("val/cat/130.jpg") || said.contains("`cat/130.jpg`"), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(said.contains("the same command goes on where it was"), "{said}");
        assert!(covered(&disk.join("out")) > 0, "shards are kept");
        resume(&scene, &disk, &expected, words);
    }
}

#[test]
fn a_journal_that_the_disk_cannot_read_is_named_and_no_shard_is_given_up() {
    let Some(scene) = Scene::new() else { return };
    let (expected, syncs) = scene.undisturbed();
    let parts = ["unfinished/000001.json", "unfinished/000001.parquet", "unfinished/plan.json"];
    for (name, read) in parts.into_iter().flat_map(|name| [(name, 1), (name, 2)]) {
        let what = format!("{name}, read {read}");
        let disk = scene.disk("journal");
        scene.run(&disk, Fault::Kill(syncs.len() - 8, Moment::After)).was_killed();
        let out = disk.join("out");
        let before = common::tree(&out);
        let said = scene.run(&disk, Fault::Read(read, EIO, name)).failed();
        assert!(said.contains(name) && said.contains("Input/output error"), "{what}: {said}");
        let after = common::tree(&out);
        let gone = |name: &&String| name.contains(".arrow") && !after.contains_key(*name);
        assert_eq!(before.keys().filter(gone).count(), 0, "{what}: shards are kept");
        assert!(covered(&out) > 100, "{what}");
        resume(&scene, &disk, &expected, &what);
    }
}

#[test]
fn a_file_that_cannot_be_read_back_at_the_end_is_named_and_the_same_command_goes_on() {
    let Some(scene) = Scene::new() else { return };
    let (expected, _) = scene.undisturbed();
    for name in ["unfinished/000000.parquet", "out/ledger.parquet", "out/dataset.json"] {
        let disk = scene.disk("end");
        let said = scene.run(&disk, Fault::Read(1, EIO, name)).failed();
        assert!(said.contains(name) && said.contains("Input/output error"), "{said}");
        resume(&scene, &disk, &expected, name);
    }
}
