//! What the supervisor says on the terminal.

use std::time::Duration;

use super::layout::{KEY_ID, Layout, REGIONS, SECRET};

/// Says that the regions are being started.
pub fn starting(layout: &Layout) {
    println!("Starting three regions and a sandbox in {} ...", layout.folder.display());
}

/// Says what is where, and what to type next.
pub fn ready(layout: &Layout, took: Duration) {
    println!("\nSignalbox is ready after {:.1} s.\n", took.as_secs_f64());
    println!("  {:<16}{:<26}{:<20}node to node", "region", "REST", "gRPC");
    for (index, region) in REGIONS.iter().enumerate() {
        println!(
            "  {region:<16}{:<26}{:<20}{}",
            format!("http://{}", layout.rest(index)),
            layout.grpc(index),
            layout.peer(index)
        );
    }
    println!("\n  sandbox         http://{}   (what the providers got; open it in a browser)", layout.sandbox());
    println!("  key             AWS_ACCESS_KEY_ID={KEY_ID} AWS_SECRET_ACCESS_KEY={SECRET}");
    println!("  data and logs   {}", layout.folder.display());
    println!("\nIn another terminal:");
    println!("  python3 examples/tour.py                        the tour: app, channels, endpoint, messages, opt-out");
    println!("  signalbox status                                nodes, groups, leaders, leases");
    println!("  signalbox dev kill us-east-1                    lose a region; sending goes on");
    println!("  signalbox dev start us-east-1                   start it again");
    println!("  signalbox traffic restore us-east-1 --reason \"back\"\n");
    println!("Ctrl-C stops everything; the data stays.");
}

/// Says that a region's process ended by itself.
pub fn ended(layout: &Layout, index: usize, status: &str) {
    println!("{} ended ({status}); see {}", REGIONS[index], layout.log(index).display());
}

/// Says that a region was killed.
pub fn killed(index: usize) {
    println!("{name} was killed. Start it again with: signalbox dev start {name}", name = REGIONS[index]);
}

/// Says that a region was started.
pub fn started(index: usize) {
    println!("{} was started.", REGIONS[index]);
}

/// Says that everything is being stopped.
pub fn stopping() {
    println!("\nStopping ...");
}
