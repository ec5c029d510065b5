//! `tcolz inspect`.

mod screen;

use tcolz::Dataset;
use tcolz::inspect::inspect;

use super::Ending;
use super::args::InspectArgs;
use super::output::print;

pub(super) fn run(args: &InspectArgs) -> anyhow::Result<Ending> {
    let dataset = Dataset::open(&args.dataset)?;
    let found = inspect(&dataset)?;
    if args.json {
        print(&format!("{:#}\n", serde_json::to_value(&found)?))?;
    } else {
        print(&screen::text(&found))?;
    }
    Ok(Ending::Done)
}
