//! `tcolz study`: jobs in processes of their own, one after the other, and the report.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tcolz_base::child;
use tcolz_base::usage::keep_free_memory;
use tcolz_study::{
    Job, JobEnding, JobObserver, Jobs, Plan, StudyError, StudyOptions, StudySummary, TimeLeft,
    Work, run_job, study,
};
use tcolz_train::TrainObserver;

use super::args::StudyArgs;
use super::ending::{Ending, sentence};
use super::evaluate::PhotoProgress;
use super::output::{Facts, duration, plain, plural, print, say, say_no_gpu, shown};
use super::progress::event;
use super::stop::{stop_on_ctrl_c, stop_on_signal};
use super::train::{TrainProgress, with_event};

/// How often a job is asked whether it has ended, and whether it is to be stopped.
const POLL: Duration = Duration::from_millis(50);

pub(super) fn run(args: &StudyArgs) -> anyhow::Result<Ending> {
    let mut options = StudyOptions::new(&args.file, &args.out);
    options.device = args.device;
    options.threads = args.threads.map(usize::from);
    options.memory_limit = args.memory;
    options.measure_again = args.measure_again;
    let plan = if args.child {
        child::end_with_parent();
        Plan::of_tested(options)?
    } else {
        Plan::of(options)?
    };
    if !args.child {
        say_no_gpu(args.device);
    }
    if !args.child && args.job.is_none() {
        for leak in plan.leaks()? {
            say!("warning: {}, so that its accuracy says little of new photos", plain(&leak));
        }
    }
    if args.list {
        return list(&plan, args.json);
    }
    if let Some(id) = &args.job {
        return one(&plan, id, args);
    }
    let stop = stop_on_ctrl_c(
        "the job in hand finishes its step and writes a checkpoint; Ctrl-C again stops at once",
    )?;
    let mut jobs = Processes { stop: Arc::clone(&stop), args, begun: Instant::now() };
    let summary = study(&plan, &stop, &mut jobs)?;
    if args.json {
        event(&with_event("finished", json!(summary)));
    } else {
        print(&text(&summary, args));
    }
    Ok(match (summary.interrupted, summary.failed.is_empty()) {
        (true, _) => {
            say!("stopped; the same command goes on, and the report holds what is there");
            Ending::Interrupted
        }
        (false, true) => Ending::Done,
        (false, false) => Ending::Failed,
    })
}

/// Says which jobs there are, and which are done.
fn list(plan: &Plan, as_json: bool) -> anyhow::Result<Ending> {
    let out = &plan.options.out;
    if as_json {
        let jobs = plan.jobs.iter().zip(plan.expected_seconds()?);
        let jobs = jobs.map(|(job, seconds)| {
            json!({
                "job": job.id, "what": job.words, "done": job.is_done(out), "seconds": seconds,
                "definition": job.definition,
            })
        });
        print(&format!("{:#}\n", Value::Array(jobs.collect())));
        return Ok(Ending::Done);
    }
    let mut facts = Facts::default();
    for job in &plan.jobs {
        let state = if job.is_done(out) { "done" } else { "open" };
        facts.add(format!("{state}  {}", job.id), &job.words);
    }
    let done = plan.jobs.iter().filter(|job| job.is_done(out)).count();
    let left = left(plan.time_left()?).map_or(String::new(), |left| format!("; {left}"));
    let jobs = plural(plan.jobs.len() as u64, "job");
    print(&format!("{}{done} of {jobs} done{left}\n", facts.text()));
    Ok(Ending::Done)
}

/// The time that is left; nothing where nothing like it was timed.
fn left(left: TimeLeft) -> Option<String> {
    let TimeLeft { jobs, seconds, unknown } = left;
    let known = duration(seconds);
    match unknown {
        0 if jobs == 0 => None,
        0 => Some(format!("about {known} left")),
        _ if unknown == jobs => None,
        1 => {
            Some(format!("more than {known} left, without 1 job of a kind that was not timed yet"))
        }
        _ => Some(format!(
            "more than {known} left, without {unknown} jobs of kinds that were not timed yet"
        )),
    }
}

/// Does one job in this process.
fn one(plan: &Plan, id: &str, args: &StudyArgs) -> anyhow::Result<Ending> {
    let job = &plan.jobs[plan.job(id)?];
    // Not where inference is measured: `tcolz predict` and `tcolz serve` do not ask for it either.
    if matches!(job.work, Work::Train { .. }) {
        keep_free_memory();
    }
    let stop = if args.child {
        // Whoever began it says it.
        stop_on_signal(None)?
    } else {
        stop_on_ctrl_c(
            "finishing the step in hand and writing a checkpoint; Ctrl-C again stops at once",
        )?
    };
    let mut observer = JobProgress::new(args.json);
    let result = run_job(plan, job, &stop, &mut observer);
    observer.clear();
    let ended = |ending: &str, reason: Option<String>| {
        if args.child || args.json {
            event(&json!({ "event": "job", "job": job.id, "ending": ending, "reason": reason }));
        }
    };
    match result {
        Ok(()) => {
            ended("done", None);
            if !args.child && !args.json {
                print(&format!("{}\n", shown(&job.folder(&plan.options.out))));
            }
            Ok(Ending::Done)
        }
        Err(StudyError::Interrupted) => {
            ended("interrupted", None);
            Ok(Ending::Interrupted)
        }
        Err(error) => {
            let error = anyhow::Error::new(error);
            ended("failed", Some(sentence(&error)));
            if args.child { Ok(Ending::Failed) } else { Err(error) }
        }
    }
}

/// Does each job in a process of its own: what it uses of memory is its own, and what it breaks, too.
struct Processes<'a> {
    stop: Arc<AtomicBool>,
    args: &'a StudyArgs,
    begun: Instant,
}

impl Processes<'_> {
    fn command(&self, job: &Job) -> std::io::Result<Command> {
        let args = self.args;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("study").arg(&args.file).arg("--out").arg(&args.out);
        command.args(["--job", &job.id, "--child", "--device", &args.device.to_string()]);
        let threads = match job.work {
            Work::Cost { threads, .. } => Some(threads),
            _ => args.threads.map(usize::from),
        };
        if let Some(threads) = threads {
            command.args(["--threads", &threads.to_string()]);
        }
        if let Some(bytes) = args.memory {
            command.args(["--memory", &(bytes as f64 / 1e9).to_string()]);
        }
        if args.json {
            command.arg("--json");
        }
        // In a group of its own: Ctrl-C reaches this process, which asks the job once.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(command)
    }
}

impl Jobs for Processes<'_> {
    fn run(&mut self, plan: &Plan, job: &Job, number: usize) -> Result<JobEnding, StudyError> {
        self.begun = Instant::now();
        let time_left = plan.time_left()?;
        if self.args.json {
            event(&json!({
                "event": "job_begun", "job": job.id, "what": job.words, "left": time_left,
            }));
        } else {
            let left = left(time_left).map_or(String::new(), |left| format!("; {left}"));
            say!("[{} of {}{left}] {}", number + 1, plan.jobs.len(), job.words);
        }
        let io = |source| StudyError::Io { path: "a process for the job".into(), source };
        let mut child = self.command(job).and_then(|mut command| command.spawn()).map_err(io)?;
        let lines = lines(&mut child);
        let mut asked = false;
        let mut reason = None;
        let status = loop {
            while let Ok(line) = lines.try_recv() {
                reason = self.heard(&line).or(reason);
            }
            if self.stop.load(Ordering::Relaxed) && !asked {
                child::ask_to_end(&mut child);
                asked = true;
            }
            match child.try_wait().map_err(io)? {
                Some(status) => break status,
                None => std::thread::sleep(POLL),
            }
        };
        while let Ok(line) = lines.recv() {
            reason = self.heard(&line).or(reason);
        }
        Ok(ending(status, reason, job.is_done(&plan.options.out)))
    }

    fn damaged(&mut self, job: &Job, fault: &str) {
        if self.args.json {
            event(&json!({ "event": "job_damaged", "job": job.id, "reason": fault }));
        } else {
            say!("warning: {}: it is done again: {}", plain(fault), job.words);
        }
    }

    fn ended(&mut self, job: &Job, _number: usize, ending: &JobEnding) {
        let seconds = self.begun.elapsed().as_secs_f64();
        if self.args.json {
            let (word, reason) = match ending {
                JobEnding::Done => ("done", None),
                JobEnding::Interrupted => ("interrupted", None),
                JobEnding::Failed(reason) => ("failed", Some(reason)),
            };
            event(&json!({
                "event": "job_ended", "job": job.id, "ending": word, "reason": reason, "seconds": seconds,
            }));
            return;
        }
        match ending {
            JobEnding::Done => say!("  done in {}", duration(seconds)),
            JobEnding::Interrupted => {}
            JobEnding::Failed(reason) => say!("  failed: {}", plain(reason)),
        }
    }
}

impl Processes<'_> {
    /// A line of a job: an event, which is handed on, or how it ended; returns the reason of a failure.
    fn heard(&self, line: &str) -> Option<String> {
        let said: Value = serde_json::from_str(line).ok()?;
        if said["event"] == "job" {
            return said["reason"].as_str().map(str::to_owned);
        }
        if self.args.json {
            event(&said);
        }
        None
    }
}

/// How a job's process ended.
fn ending(status: ExitStatus, reason: Option<String>, done: bool) -> JobEnding {
    match (status.code(), reason) {
        (Some(0), _) if done => JobEnding::Done,
        (Some(130), None) => JobEnding::Interrupted,
        (_, Some(reason)) => JobEnding::Failed(reason),
        (Some(code), None) => JobEnding::Failed(format!("its process ended with {code}")),
        (None, None) => {
            JobEnding::Failed(format!("its process was killed ({status}); was memory short?"))
        }
    }
}

/// Lines that a child prints, from a thread that ends with them.
fn lines(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            for line in lines {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    lines
}

/// Watches a job in this process.
struct JobProgress {
    train: TrainProgress,
    photos: Option<PhotoProgress>,
    json: bool,
}

impl JobProgress {
    fn new(json: bool) -> JobProgress {
        JobProgress { train: TrainProgress::brief(json), photos: None, json }
    }

    fn clear(&self) {
        self.train.clear();
        if let Some(photos) = &self.photos {
            photos.finish();
        }
    }
}

impl JobObserver for JobProgress {
    fn evaluated(&mut self, done: u64, all: u64) {
        let json = self.json;
        self.photos.get_or_insert_with(|| PhotoProgress::new(json)).done(done, all);
    }

    fn as_train(&mut self) -> &mut dyn TrainObserver {
        &mut self.train
    }
}

fn text(summary: &StudySummary, args: &StudyArgs) -> String {
    let mut facts = Facts::default();
    let before = match summary.done_before {
        0 => String::new(),
        before => format!(", {before} of them before"),
    };
    facts.add("jobs", format!("{} of {} done{before}", summary.done, summary.jobs));
    for failed in &summary.failed {
        facts.add("failed", format!("{}: {}", failed.words, failed.reason));
    }
    if let Some(chosen) = &summary.chosen {
        let tie = match summary.tied.is_empty() {
            true => String::new(),
            false => format!(", a tie with {} within what was measured", summary.tied.join(", ")),
        };
        facts.add("to deploy", format!("{chosen}{tie}"));
    }
    if !summary.busy.is_empty() {
        let again =
            "once the machine is quiet, the same command with --measure-again measures anew";
        let busy = summary.busy.join("; ");
        facts.add("busy", format!("the machine, while {busy} was measured: {again}"));
    }
    let ending =
        |ending: &str| summary.files.iter().filter(|file| file.ends_with(ending)).count() as u64;
    facts.add(
        "report",
        format!(
            "report.md, {} (tables/*.csv), {} (pictures/*.svg and .png)",
            plural(ending(".csv"), "table"),
            plural(ending(".svg") / 2, "picture")
        ),
    );
    let page = Path::new(&args.out).join("index.html");
    format!("{}\n{}", shown(&page), facts.text())
}
