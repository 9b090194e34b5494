//! The model, clocked with its memory.

use std::path::Path;
use std::sync::{Arc, MutexGuard};

use cbp_isa::Config;
use verilator_sys::{Extra, Library, Model, Source};

use crate::check::{AddressPins, BurstRules, Stable};
use crate::error::SimError;
use crate::fault::{Answer, Direction, FaultPlan};
use crate::link::{Bridge, LinkReport};
use crate::memory::{HostMemory, SharedMemory, lock};
use crate::pins::{CLOCK, Inputs, Outputs, ports};
use crate::read_port::ReadPort;
use crate::timeline::{self, Beats, Probes, Recorder, Timeline};
use crate::timing::{Clockwork, Draw, Timing};
use crate::write_port::WritePort;

/// ID of LOAD's reads, as the core numbers them.
const LOAD_CLIENT: u64 = 2;
const RESET_CYCLES: u64 = 8;
/// Write addresses that a link's bridge takes before their data.
const POSTED_ADDRESSES: usize = 8;

/// How a device is simulated.
#[derive(Clone, Debug)]
pub struct SimOptions {
    /// When the memory answers.
    pub timing: Timing,
    /// Builds a model that can write traces; about 12 % slower.
    pub trace: bool,
    /// Builds a model that can record a [`Timeline`]; slower too.
    pub timeline: bool,
    /// Builds a model that counts the lines that run and the bits that toggle, instead of one that traces.
    pub coverage: bool,
    /// Nominal clock, which turns cycles into the driver's time.
    pub clock_hz: u64,
}

impl Default for SimOptions {
    fn default() -> Self {
        let clock_hz = 125_000_000;
        Self { timing: Timing::default(), trace: false, timeline: false, coverage: false, clock_hz }
    }
}

/// What went over the AXI master.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Read bursts accepted.
    pub read_bursts: u64,
    /// Read beats delivered.
    pub read_beats: u64,
    /// Write bursts accepted.
    pub write_bursts: u64,
    /// Write beats taken.
    pub write_beats: u64,
    /// Most reads in flight at once.
    pub most_reads: usize,
}

/// The Verilated accelerator, clocked cycle by cycle.
pub struct SimDevice {
    pub(crate) model: Model,
    pub(crate) inputs: Inputs,
    pub(crate) outputs: Outputs,
    pub(crate) clockwork: Clockwork,
    pub(crate) rules: BurstRules,
    memory: SharedMemory,
    reads: ReadPort,
    writes: WritePort,
    link: Option<Bridge>,
    probes: Option<Probes>,
    recorder: Option<Recorder>,
    channels: Channels,
    beat_bytes: usize,
    words: usize,
    cycle: u64,
    traffic: Traffic,
    /// Interrupt levels of the last cycle, and those that rose since somebody asked.
    levels: u8,
    risen: u8,
}

/// Channels that the device drives.
struct Channels {
    ar: Stable,
    ar_pins: AddressPins,
    aw: Stable,
    aw_pins: AddressPins,
    w: Stable,
    lite_b: Stable,
    lite_r: Stable,
}

impl SimDevice {
    /// The accelerator of a configuration, out of reset.
    ///
    /// # Errors
    /// The model cannot be built.
    pub fn accelerator(config: &Config, options: &SimOptions) -> Result<Self, SimError> {
        let design = cbp_hdl::verilog(config)?;
        Self::new(&design.text(), design.top(), config, options)
    }

    /// The model of a Verilog text with the ports of [`ports`], out of reset.
    ///
    /// # Errors
    /// The model cannot be built.
    pub fn new(text: &str, top: &str, config: &Config, options: &SimOptions) -> Result<Self, SimError> {
        config.check()?;
        let mut ports = ports(config);
        if options.timeline {
            ports.extend(timeline::ports());
        }
        let extra = match (options.coverage, options.trace) {
            (true, _) => Extra::Coverage,
            (false, true) => Extra::Trace,
            (false, false) => Extra::None,
        };
        let library = Library::load_with(&Source { text, top, clock: CLOCK, ports: &ports }, extra)?;
        Self::from_library(&library, config, options)
    }

    /// Another instance of a loaded model.
    ///
    /// # Errors
    /// The library has other ports.
    pub fn from_library(
        library: &Arc<Library>,
        config: &Config,
        options: &SimOptions,
    ) -> Result<Self, SimError> {
        let (inputs, outputs) = (Inputs::new(library)?, Outputs::new(library)?);
        let memory = SharedMemory::default();
        let link = match &options.timing {
            Timing::Link(link) => Some(Bridge::new(link, options.clock_hz, Arc::clone(&memory))),
            _ => None,
        };
        let mut device = Self {
            model: library.instance()?,
            clockwork: Clockwork::new(options.timing.clone()),
            rules: BurstRules::new(config),
            reads: ReadPort::new(Arc::clone(&memory), config.beat_bytes(), link.is_some()),
            writes: WritePort::new(Arc::clone(&memory), config.beat_bytes()),
            link,
            probes: if options.timeline { Some(Probes::new(library)?) } else { None },
            recorder: None,
            beat_bytes: config.beat_bytes(),
            channels: Channels::new(&outputs, config.axi_bits / 64),
            words: config.axi_bits / 64,
            cycle: 0,
            traffic: Traffic::default(),
            levels: 0,
            risen: 0,
            memory,
            inputs,
            outputs,
        };
        device.reset()?;
        Ok(device)
    }

    /// One clock cycle. The memory behaves like registered logic: what it answers depends on earlier cycles only.
    ///
    /// # Errors
    /// The design stopped, or broke a rule of AXI.
    #[inline]
    pub fn tick(&mut self) -> Result<(), SimError> {
        self.model.tick()?;
        let cycle = self.cycle;
        self.cycle += 1;
        let (pins, outputs) = self.model.pins();
        if pins[self.inputs.reset] != 0 {
            self.levels = 0;
            return Ok(());
        }
        self.clockwork.cycle(cycle);
        if let (Some(recorder), Some(probes)) = (&mut self.recorder, &self.probes) {
            let (i, o) = (&self.inputs, &self.outputs);
            let read = pins[i.m_axi_rvalid] != 0 && outputs[o.m_axi_rready] != 0;
            let load = read && pins[i.m_axi_rid] == LOAD_CLIENT;
            let write = pins[i.m_axi_wready] != 0 && outputs[o.m_axi_wvalid] != 0;
            let beats = Beats { read, load, write, bytes: self.beat_bytes as u64 };
            recorder.cycle(cycle, probes, outputs, beats);
        }
        if let Some(link) = &mut self.link {
            link.step(cycle, outputs[self.outputs.irq] as u8, &mut self.reads);
        }
        let (i, o, c) = (&self.inputs, &self.outputs, &mut self.channels);
        let broken = |channel, rule: String| SimError::Protocol { cycle, channel, rule };
        let unstable = |channel| move |rule: &str| broken(channel, rule.to_owned());

        let ready = pins[i.m_axi_arready] != 0;
        c.ar.check(outputs, ready).map_err(unstable("AR"))?;
        if ready && outputs[o.m_axi_arvalid] != 0 {
            let burst = self.rules.burst(&c.ar_pins, outputs).map_err(|rule| broken("AR", rule))?;
            let number = self.reads.accept(burst, cycle, &mut self.clockwork);
            if let (Some(link), Some(number)) = (&mut self.link, number) {
                self.reads.expect_parts(link.read(number, burst, self.beat_bytes));
            }
            self.traffic.read_bursts += 1;
            self.traffic.most_reads = self.traffic.most_reads.max(self.reads.in_flight());
        }
        if pins[i.m_axi_rvalid] != 0 && outputs[o.m_axi_rready] != 0 {
            self.reads.taken();
            self.traffic.read_beats += 1;
        }
        if let Some(beat) = self.reads.present(cycle + 1, &mut self.clockwork) {
            pins[i.m_axi_rvalid] = 1;
            pins[i.m_axi_rid] = beat.id;
            pins[i.m_axi_rresp] = beat.response;
            pins[i.m_axi_rlast] = u64::from(beat.last);
            self.reads.data(beat, &mut pins[i.m_axi_rdata..i.m_axi_rdata + self.words]);
        } else {
            pins[i.m_axi_rvalid] = 0;
        }
        let takes = self.link.as_ref().is_none_or(Bridge::takes_reads);
        pins[i.m_axi_arready] = u64::from(takes && self.clockwork.happens(Draw::Address));

        let ready = pins[i.m_axi_awready] != 0;
        c.aw.check(outputs, ready).map_err(unstable("AW"))?;
        if ready && outputs[o.m_axi_awvalid] != 0 {
            self.writes.accept(self.rules.burst(&c.aw_pins, outputs).map_err(|rule| broken("AW", rule))?);
            self.traffic.write_bursts += 1;
        }
        let ready = pins[i.m_axi_wready] != 0;
        c.w.check(outputs, ready).map_err(unstable("W"))?;
        if ready && outputs[o.m_axi_wvalid] != 0 {
            let words = &outputs[o.m_axi_wdata..o.m_axi_wdata + self.words];
            let last = outputs[o.m_axi_wlast] != 0;
            self.writes.beat(words, outputs[o.m_axi_wstrb], last).map_err(|rule| broken("W", rule))?;
            self.traffic.write_beats += 1;
        }
        self.writes.pair(cycle, &mut self.clockwork, self.link.as_mut()).map_err(|rule| broken("W", rule))?;
        if pins[i.m_axi_bvalid] != 0 && outputs[o.m_axi_bready] != 0 {
            self.writes.taken();
        }
        if let Some((id, response)) = self.writes.present(cycle + 1, &mut self.clockwork) {
            pins[i.m_axi_bvalid] = 1;
            pins[i.m_axi_bid] = id;
            pins[i.m_axi_bresp] = response;
        } else {
            pins[i.m_axi_bvalid] = 0;
        }
        let takes = self.link.is_none() || self.writes.addresses() < POSTED_ADDRESSES;
        pins[i.m_axi_awready] = u64::from(takes && self.clockwork.happens(Draw::Address));
        let arriving = self.writes.arriving();
        let takes = self.link.as_ref().is_none_or(|link| link.takes_writes(arriving, self.beat_bytes));
        pins[i.m_axi_wready] = u64::from(takes && self.clockwork.happens(Draw::WriteBeat));

        c.lite_b.check(outputs, pins[i.s_axil_bready] != 0).map_err(unstable("AXI-Lite B"))?;
        c.lite_r.check(outputs, pins[i.s_axil_rready] != 0).map_err(unstable("AXI-Lite R"))?;
        let levels = self.irq();
        self.risen |= levels & !self.levels;
        self.levels = levels;
        Ok(())
    }

    /// Clocks until the condition holds after a cycle; gives the number of cycles.
    ///
    /// # Errors
    /// It does not within `limit` cycles, and those of [`SimDevice::tick`].
    pub fn run_until(
        &mut self,
        mut condition: impl FnMut(&Self) -> bool,
        limit: u64,
    ) -> Result<u64, SimError> {
        for cycles in 0..limit {
            if condition(self) {
                return Ok(cycles);
            }
            self.tick()?;
        }
        if condition(self) { Ok(limit) } else { Err(SimError::Limit(limit)) }
    }

    /// Clocks `cycles` times.
    ///
    /// # Errors
    /// Those of [`SimDevice::tick`].
    pub fn run(&mut self, cycles: u64) -> Result<(), SimError> {
        (0..cycles).try_for_each(|_| self.tick())
    }

    /// Pulls the reset wire; transfers in flight are forgotten, memory keeps its contents.
    ///
    /// # Errors
    /// The design stopped.
    pub fn reset(&mut self) -> Result<(), SimError> {
        self.reads.clear();
        self.writes.clear();
        if let Some(link) = &mut self.link {
            link.clear();
        }
        self.channels.clear();
        self.rules.limit = u64::MAX;
        self.model.inputs().fill(0);
        self.model.inputs()[self.inputs.reset] = 1;
        self.run(RESET_CYCLES)?;
        self.model.inputs()[self.inputs.reset] = 0;
        Ok(())
    }

    /// Clock cycles since the model was made.
    #[must_use]
    pub const fn cycle(&self) -> u64 {
        self.cycle
    }

    /// The interrupt levels of the last cycle; behind a link those that the host has heard of.
    #[must_use]
    pub fn irq(&self) -> u8 {
        let levels = self.model.outputs()[self.outputs.irq] as u8;
        self.link.as_ref().map_or(levels, |link| levels & link.irq())
    }

    /// The interrupt levels that rose since the last call, however shortly they had been low: what a wrapper makes
    /// messages of.
    pub const fn take_risen(&mut self) -> u8 {
        let risen = self.risen;
        self.risen = 0;
        risen
    }

    /// What went over the link so far, if there is one.
    #[must_use]
    pub fn link_report(&self) -> Option<LinkReport> {
        self.link.as_ref().map(Bridge::report)
    }

    /// Waits until all that the link has taken shows in memory: the answer to a register read pushes it.
    pub(crate) fn push_writes(&mut self) -> Result<(), SimError> {
        let Some((taken, _)) = self.link.as_ref().map(Bridge::writes) else { return Ok(()) };
        while self.link.as_ref().is_some_and(|link| link.writes().1 < taken) {
            self.tick()?;
        }
        Ok(())
    }

    /// Whether the device asked its wrapper for a reset in the last cycle.
    #[must_use]
    pub fn wrapper_reset_requested(&self) -> bool {
        self.model.outputs()[self.outputs.wrapper_reset_req] != 0
    }

    /// Reads and writes that were accepted and not answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let posted = self.link.as_ref().map_or((0, 0), Bridge::writes);
        self.reads.in_flight() + self.writes.in_flight() + (posted.0 - posted.1) as usize
    }

    /// What went over the AXI master so far.
    #[must_use]
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The host memory; do not hold it over a cycle.
    pub fn memory(&self) -> MutexGuard<'_, HostMemory> {
        lock(&self.memory)
    }

    pub(crate) const fn shared_memory(&self) -> &SharedMemory {
        &self.memory
    }

    /// Answers a burst otherwise: the next one, or the one after `skip` further ones.
    pub fn inject(&mut self, direction: Direction, skip: u64, answer: Answer) {
        self.faults().inject(direction, skip, answer);
    }

    /// Plans answers from elsewhere, such as beside a server that has the device.
    #[must_use]
    pub fn faults(&self) -> FaultPlan {
        FaultPlan { reads: Arc::clone(&self.reads.faults), writes: Arc::clone(&self.writes.faults) }
    }

    /// Begins a recording of what the engines do; without [`SimOptions::timeline`] nothing is recorded.
    pub fn start_timeline(&mut self) {
        self.recorder = self.probes.is_some().then(|| Recorder::new(self.cycle));
    }

    /// Ends the recording.
    pub fn take_timeline(&mut self) -> Option<Timeline> {
        self.recorder.take().map(Recorder::finish)
    }

    /// Lets the memory answer otherwise from now on.
    ///
    /// # Errors
    /// Transfers are in flight, or one of the timings is a link, which is part of the device.
    pub fn set_timing(&mut self, timing: Timing) -> Result<(), SimError> {
        if self.in_flight() > 0 || self.link.is_some() || matches!(timing, Timing::Link(_)) {
            return Err(SimError::Timing);
        }
        self.clockwork = Clockwork::new(timing);
        Ok(())
    }

    /// Writes what was counted since the model was made, in the format of `verilator_coverage`.
    ///
    /// # Errors
    /// The model was built without [`SimOptions::coverage`], or the file cannot be written.
    pub fn write_coverage(&mut self, path: &Path) -> Result<(), SimError> {
        Ok(self.model.write_coverage(path)?)
    }

    /// Starts an FST trace, or ends the current one (`None`).
    ///
    /// # Errors
    /// The model was built without tracing, or the file cannot be written.
    pub fn trace(&mut self, path: Option<&Path>) -> Result<(), SimError> {
        Ok(self.model.trace(path)?)
    }
}

impl Channels {
    fn new(o: &Outputs, words: usize) -> Self {
        let address = |address, length, size, burst, id| AddressPins { address, length, size, burst, id };
        let ar_pins = address(o.m_axi_araddr, o.m_axi_arlen, o.m_axi_arsize, o.m_axi_arburst, o.m_axi_arid);
        let aw_pins = address(o.m_axi_awaddr, o.m_axi_awlen, o.m_axi_awsize, o.m_axi_awburst, o.m_axi_awid);
        let payload = |p: &AddressPins| [p.address, p.length, p.size, p.burst, p.id];
        let w = (o.m_axi_wdata..o.m_axi_wdata + words).chain([o.m_axi_wstrb, o.m_axi_wlast]);
        Self {
            ar: Stable::new(o.m_axi_arvalid, payload(&ar_pins)),
            aw: Stable::new(o.m_axi_awvalid, payload(&aw_pins)),
            w: Stable::new(o.m_axi_wvalid, w),
            lite_b: Stable::new(o.s_axil_bvalid, [o.s_axil_bresp]),
            lite_r: Stable::new(o.s_axil_rvalid, [o.s_axil_rdata, o.s_axil_rresp]),
            ar_pins,
            aw_pins,
        }
    }

    const fn clear(&mut self) {
        self.ar.clear();
        self.aw.clear();
        self.w.clear();
        self.lite_b.clear();
        self.lite_r.clear();
    }
}
