//! Writes a simulated network into a folder: `simulate CONFIG FOLDER [HOURS]`.
//!
//! The same as the stage does, without its runtime; `HOURS` live hours follow the history.

use std::path::Path;

use foresite_simulator::calendar::HOUR;
use foresite_simulator::write::{Folder, write_history, write_hour};
use foresite_simulator::{Config, Network};

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, config, root, rest @ ..] = arguments.as_slice() else {
        return Err("usage: simulate CONFIG FOLDER [HOURS]".into());
    };
    let config: Config = serde_json::from_str(&std::fs::read_to_string(config)?)?;
    let live: i64 = rest.first().map_or(Ok(0), |hours| hours.parse())?;
    let network = Network::generate_until(&config, config.end.0 + live * HOUR)?;
    let folder = Folder::below(Path::new(root));
    let mut written = write_history(&network, &folder)?;
    for hour in 0..live {
        written += write_hour(&network, &folder, config.end.0 + hour * HOUR)?;
    }
    println!("{} files, {} bytes, {} unchanged", written.files, written.bytes, written.unchanged);
    Ok(())
}
