//! `tcolz inspect`.

mod duplicates;
mod screen;

use tcolz::Dataset;
use tcolz::inspect::{find_duplicates, inspect};

use super::Ending;
use super::args::InspectArgs;
use super::output::print;

pub(super) fn run(args: &InspectArgs) -> anyhow::Result<Ending> {
    let dataset = Dataset::open(&args.dataset)?;
    if args.duplicates {
        let found = find_duplicates(&dataset)?;
        print(&match args.json {
            true => format!("{:#}\n", serde_json::to_value(&found)?),
            false => duplicates::text(&found, &dataset),
        })?;
        return Ok(Ending::Done);
    }
    let found = inspect(&dataset)?;
    if args.json {
        print(&format!("{:#}\n", serde_json::to_value(&found)?))?;
    } else {
        print(&screen::text(&found))?;
    }
    Ok(Ending::Done)
}
