//! Several models side by side: trained, evaluated and measured as a study's file says, and a report of it all.
//!
//! ```text
//! STUDY.toml ─▶ jobs: train, evaluate, cost, labels ─▶ documents in OUT ─▶ Results ─▶ report: tables, pictures, page
//! ```

pub mod published;
pub mod report;
pub mod results;
