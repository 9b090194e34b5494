//! `cbp devices` and `cbp device`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use cbp_driver::backends::{self, Backend, PciTransport};
use cbp_driver::pci::{self, Address, PciDevice, Plan, Sysfs};
use cbp_driver::{Info, Options};
use cbp_host::conformance::{self, CaseReport};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// Device time that a self-test may take.
const SELF_TEST: Duration = Duration::from_secs(10);

/// Where the kernel shows its devices.
#[derive(Args)]
struct Tree {
    /// Another place than /sys
    #[arg(long, value_name = "DIR", default_value = "/sys", hide = true)]
    sysfs: PathBuf,
}

impl Tree {
    fn open(&self) -> Sysfs {
        Sysfs::new(&self.sysfs)
    }
}

/// Options of `cbp devices`.
#[derive(Args)]
#[command(after_help = "Example: cbp devices --json | jq -r '.[].address'")]
pub struct Devices {
    /// Print all that is known, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    tree: Tree,
}

/// Which board, and how to get at it.
#[derive(Args)]
pub struct Target {
    /// Its address, as `cbp devices` prints it
    address: Address,
    #[command(flatten)]
    tree: Tree,
}

/// A board, opened.
#[derive(Args)]
pub struct Opened {
    #[command(flatten)]
    target: Target,
    /// How to get at it: auto, vfio, uio, sysfs
    #[arg(long, default_value_t = Backend::Auto)]
    backend: Backend,
}

#[derive(Subcommand)]
pub enum Device {
    /// What the kernel and the board say about it
    #[command(after_help = "Example: cbp device info 0000:03:00.0")]
    Info {
        #[command(flatten)]
        board: Opened,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Run the test that is built into the board
    #[command(after_help = "Example: cbp device selftest 0000:03:00.0    # exit status 1: a fault was found")]
    Selftest(Opened),
    /// Reset the board: by itself, or else by its function or its bus
    #[command(after_help = "Example: cbp device reset 0000:03:00.0")]
    Reset(Opened),
    /// Run jobs with known results, and see that what must hold does; with --faults also what happens when something
    /// goes wrong
    #[command(after_help = "Examples:
  cbp device check 0000:03:00.0
  cbp device check 0000:03:00.0 --backend vfio --faults    # also 32 faults: removal, lost interrupts, bad completions …

Exit status: 0 all holds, 1 something does not, 2 an error.")]
    Check {
        #[command(flatten)]
        board: Opened,
        /// Draws networks and images
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Faults too, made between driver and board; the board is reset many times
        #[arg(long)]
        faults: bool,
        /// Longest wait for what a fault keeps from happening, in milliseconds
        #[arg(long, default_value_t = 300, value_name = "MS")]
        patience: u64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Hand the board to a driver of the kernel; every step is shown, and undone if one fails
    #[command(after_help = "Example: cbp device bind 0000:03:00.0 --driver vfio-pci --dry-run")]
    Bind {
        #[command(flatten)]
        target: Target,
        #[arg(long, help = "vfio-pci (default behind an IOMMU) or uio_pci_generic (default elsewhere)")]
        driver: Option<String>,
        /// Only show the steps
        #[arg(long)]
        dry_run: bool,
    },
    /// Take the board from its driver
    #[command(after_help = "Example: cbp device unbind 0000:03:00.0")]
    Unbind {
        #[command(flatten)]
        target: Target,
        /// Only show the steps
        #[arg(long)]
        dry_run: bool,
    },
}

impl Devices {
    pub fn run(&self) -> Result<ExitCode> {
        let boards = pci::discover(&self.tree.open()).context("cannot list the boards")?;
        if self.json {
            let entry = |(address, board): &pci::Found| match board {
                Ok(board) => to_json(board),
                Err(error) => json!({ "address": address.to_string(), "error": error.to_string() }),
            };
            let all: Vec<Value> = boards.iter().map(entry).collect();
            println!("{:#}", Value::from(all));
        } else if boards.is_empty() {
            println!("no boards; one that was configured after boot needs `echo 1 > /sys/bus/pci/rescan`");
        } else {
            println!(
                "{:13} {:17} {:16} {:15} {:>4} {:>5}",
                "address", "board", "driver", "link", "NUMA", "IOMMU"
            );
            for (address, board) in &boards {
                match board {
                    Ok(board) => print_row(board),
                    Err(error) => println!("{:13} cannot be read: {error}", address.to_string()),
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Device {
    pub fn run(&self) -> Result<ExitCode> {
        match self {
            Self::Info { board, json } => board.info(*json),
            Self::Selftest(board) => board.self_test(),
            Self::Reset(board) => board.reset(),
            Self::Check { board, seed, faults, patience, json } => {
                board.check(*seed, faults.then_some(Duration::from_millis(*patience)), *json)
            }
            Self::Bind { target, driver, dry_run } => target.bind(driver.as_deref(), *dry_run),
            Self::Unbind { target, dry_run } => target.unbind(*dry_run),
        }
    }
}

impl Opened {
    fn open(&self) -> Result<PciTransport> {
        let Target { address, tree } = &self.target;
        backends::open(&tree.open(), *address, self.backend).with_context(|| format!("cannot open {address}"))
    }

    fn info(&self, json: bool) -> Result<ExitCode> {
        let device = PciDevice::read(&self.target.tree.open(), self.target.address)?;
        // The board is asked too if that is possible. If not, the kernel's knowledge helps to find out why.
        let asked = self.open().and_then(|transport| Ok(Info::of(transport)?));
        if json {
            let mut value = to_json(&device);
            match &asked {
                Ok(info) => value["accelerator"] = info_to_json(info),
                Err(error) => value["error"] = format!("{error:#}").into(),
            }
            println!("{value:#}");
        } else {
            print_details(&device);
            match &asked {
                Ok(info) => print_info(info),
                Err(error) => println!("accelerator   not asked: {error:#}"),
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn self_test(&self) -> Result<ExitCode> {
        let mut device = cbp_driver::Device::open(self.open()?, Options::default())?;
        let passed = device.self_test(SELF_TEST)?;
        println!("{}: {}", self.target.address, if passed { "self-test passed" } else { "self-test FAILED" });
        Ok(ExitCode::from(u8::from(!passed)))
    }

    /// All cases of the conformance suite, and given a patience all faults.
    fn check(&self, seed: u64, faults: Option<Duration>, json: bool) -> Result<ExitCode> {
        // What cannot be opened at all is one error, not a list of failed cases.
        drop(self.open()?);
        let mut attach = || {
            self.open().map_err(|error| {
                cbp_driver::Error::Transport(cbp_driver::TransportError::Other(error.into()))
            })
        };
        let show = |report: &CaseReport| {
            if !json {
                match &report.failure {
                    None => println!("ok      {}", report.name),
                    Some(failure) => println!("FAILED  {}: {failure}", report.name),
                }
            }
        };
        // Small rings wrap soon.
        let options = Options { ring_log2: 2, ..Options::default() };
        let mut open = || cbp_driver::Device::open(attach()?, options.clone());
        let mut reports = conformance::run(&mut open, seed, show);
        if let Some(patience) = faults {
            reports.extend(conformance::faults::run(&mut attach, patience, seed, show));
        }
        let failed = reports.iter().filter(|report| report.failure.is_some()).count();
        if json {
            println!("{}", serde_json::to_string_pretty(&reports)?);
        } else {
            println!("{} cases, {failed} failed", reports.len());
        }
        Ok(ExitCode::from(u8::from(failed > 0)))
    }

    fn reset(&self) -> Result<ExitCode> {
        // Opening resets it, as gently as it allows.
        let device = cbp_driver::Device::open(self.open()?, Options::default())?;
        println!("{}: reset", device.identity());
        Ok(ExitCode::SUCCESS)
    }
}

impl Target {
    fn bind(&self, driver: Option<&str>, dry_run: bool) -> Result<ExitCode> {
        let tree = self.tree.open();
        let protected = PciDevice::read(&tree, self.address)?.iommu_group.is_some();
        let driver = driver.unwrap_or(if protected { pci::VFIO } else { pci::UIO });
        run(&pci::bind(&tree, self.address, driver)?, dry_run, &format!("bound to {driver}"))
    }

    fn unbind(&self, dry_run: bool) -> Result<ExitCode> {
        run(&pci::unbind(&self.tree.open(), self.address)?, dry_run, "bound to no driver")
    }
}

/// Shows the steps, does them, and says what is so then.
fn run(plan: &Plan, dry_run: bool, then: &str) -> Result<ExitCode> {
    plan.steps().iter().for_each(|step| println!("{step}"));
    if !dry_run {
        plan.run()?;
        println!("{then}");
    }
    Ok(ExitCode::SUCCESS)
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn name(device: &PciDevice) -> &'static str {
    device.board.map_or("unknown", |board| board.name)
}

fn print_row(device: &PciDevice) {
    let group = device.iommu_group.as_ref().map(|group| group.number);
    let driver = text(device.driver.as_deref());
    let (link, node) = (text(device.link), text(device.numa_node));
    let warning = device.degraded_from().map_or_else(String::new, |l| format!("  degraded: could be {l}"));
    println!(
        "{:13} {:17} {driver:16} {link:15} {node:>4} {:>5}{warning}",
        device.address.to_string(),
        name(device),
        text(group)
    );
}

fn print_details(device: &PciDevice) {
    let line = |name: &str, value: String| println!("{name:13} {value}");
    line("address", device.address.to_string());
    line("board", format!("{} [{}], subsystem [{}]", name(device), device.id, device.subsystem));
    line("driver", text(device.driver.as_deref()));
    line(
        "link",
        format!("{}; device {}, slot {}", text(device.link), text(device.max_link), text(device.slot_link)),
    );
    if let Some(link) = device.degraded_from() {
        line("", format!("degraded: could be {link}; reseat the board, or try another slot"));
    }
    line("NUMA node", text(device.numa_node));
    line("IOMMU group", text(device.iommu_group.as_ref().map(|group| group.number)));
    let Some(function) = &device.function else { return };
    for (number, bar) in function.bars.iter().enumerate() {
        if let Some(bar) = bar {
            line(&format!("BAR {number}"), format!("{:#x} bytes at {:#x}", bar.size, bar.address));
        }
    }
    let unread = if function.complete { "" } else { "; some capabilities can be read by root only" };
    let has = |yes: bool| if yes { "yes" } else { "no" };
    let (msi, intx) = (has(function.msi), has(function.intx));
    line("interrupts", format!("{} MSI-X vectors, MSI {msi}, pin {intx}{unread}", function.msix_vectors));
    line("own reset", has(function.function_reset).to_owned());
}

fn print_info(info: &Info) {
    let Info { version, config, capabilities, dma_address_bits } = info;
    println!(
        "accelerator   {}x{}, {}, interface {}.{}",
        config.lanes,
        config.columns,
        config.weight_set,
        version >> 16,
        version & 0xffff
    );
    println!("capabilities  {capabilities:#x}, {dma_address_bits} address bits");
}

fn to_json(device: &PciDevice) -> Value {
    let link = |link: Option<pci::Link>| link.map(|link| link.to_string());
    let bar = |bar: &Option<pci::Bar>| bar.map(|bar| json!({ "address": bar.address, "bytes": bar.size }));
    json!({
        "address": device.address.to_string(),
        "board": device.board.map(|board| board.name),
        "id": device.id.to_string(),
        "subsystem": device.subsystem.to_string(),
        "class": format!("{:06x}", device.class),
        "driver": device.driver,
        "link": link(device.link),
        "device_link": link(device.max_link),
        "slot_link": link(device.slot_link),
        "link_degraded": device.degraded_from().is_some(),
        "numa_node": device.numa_node,
        "iommu_group": device.iommu_group.as_ref().map(|group| group.number),
        "bars": device.function.as_ref().map(|f| f.bars.iter().map(bar).collect::<Vec<_>>()),
        "msix_vectors": device.function.as_ref().map(|f| f.msix_vectors),
    })
}

fn info_to_json(info: &Info) -> Value {
    json!({
        "interface": format!("{}.{}", info.version >> 16, info.version & 0xffff),
        "lanes": info.config.lanes,
        "columns": info.config.columns,
        "weight_set": info.config.weight_set.to_string(),
        "capabilities": info.capabilities,
        "dma_address_bits": info.dma_address_bits,
    })
}
