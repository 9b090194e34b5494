//! The accelerator with its final ports: AXI4-Lite slave, AXI4 master, interrupts.

use cbp_isa::capability::{INT8_DIGITS, KEEP, PADDING, POOL, RESIDUAL, SIGN_MASK};
use cbp_isa::registers::MAGIC_VALUE;
use cbp_isa::{Config, ISA_VERSION};

use crate::control::axi_lite::AxiLite;
use crate::control::register_file::RegisterFile;
use crate::core::Core;
use crate::lang::arith::Concat;
use crate::lang::prelude::*;

/// What this version can do.
pub const CAPABILITIES: u32 = SIGN_MASK | INT8_DIGITS | RESIDUAL | POOL | PADDING | KEEP;

/// The top of the design. Port names are those of AXI.
#[derive(LogicBlock)]
pub struct Accelerator {
    /// The one clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// Register window: write address.
    pub s_axil_awvalid: Signal<In, Bit>,
    /// Taken.
    pub s_axil_awready: Signal<Out, Bit>,
    /// Byte address.
    pub s_axil_awaddr: Wire<In>,
    /// Write data.
    pub s_axil_wvalid: Signal<In, Bit>,
    /// Taken.
    pub s_axil_wready: Signal<Out, Bit>,
    /// The data.
    pub s_axil_wdata: Wire<In>,
    /// Bytes that count.
    pub s_axil_wstrb: Wire<In>,
    /// Write response.
    pub s_axil_bvalid: Signal<Out, Bit>,
    /// Taken.
    pub s_axil_bready: Signal<In, Bit>,
    /// Always OKAY.
    pub s_axil_bresp: Wire<Out>,
    /// Read address.
    pub s_axil_arvalid: Signal<In, Bit>,
    /// Taken.
    pub s_axil_arready: Signal<Out, Bit>,
    /// Byte address.
    pub s_axil_araddr: Wire<In>,
    /// Read data.
    pub s_axil_rvalid: Signal<Out, Bit>,
    /// Taken.
    pub s_axil_rready: Signal<In, Bit>,
    /// The data.
    pub s_axil_rdata: Wire<Out>,
    /// Always OKAY.
    pub s_axil_rresp: Wire<Out>,
    /// Host memory: read address.
    pub m_axi_arvalid: Signal<Out, Bit>,
    /// Taken.
    pub m_axi_arready: Signal<In, Bit>,
    /// First byte.
    pub m_axi_araddr: Wire<Out>,
    /// Beats − 1.
    pub m_axi_arlen: Wire<Out>,
    /// log2 of the beat's bytes.
    pub m_axi_arsize: Wire<Out>,
    /// INCR.
    pub m_axi_arburst: Wire<Out>,
    /// 0 commands, 1 instructions, 2 operands.
    pub m_axi_arid: Wire<Out>,
    /// Read data.
    pub m_axi_rvalid: Signal<In, Bit>,
    /// Taken.
    pub m_axi_rready: Signal<Out, Bit>,
    /// The beat.
    pub m_axi_rdata: Wire<In>,
    /// Response.
    pub m_axi_rresp: Wire<In>,
    /// Last beat.
    pub m_axi_rlast: Signal<In, Bit>,
    /// As requested.
    pub m_axi_rid: Wire<In>,
    /// Host memory: write address.
    pub m_axi_awvalid: Signal<Out, Bit>,
    /// Taken.
    pub m_axi_awready: Signal<In, Bit>,
    /// First byte.
    pub m_axi_awaddr: Wire<Out>,
    /// Beats − 1.
    pub m_axi_awlen: Wire<Out>,
    /// log2 of the beat's bytes.
    pub m_axi_awsize: Wire<Out>,
    /// INCR.
    pub m_axi_awburst: Wire<Out>,
    /// 0.
    pub m_axi_awid: Wire<Out>,
    /// Write data.
    pub m_axi_wvalid: Signal<Out, Bit>,
    /// Taken.
    pub m_axi_wready: Signal<In, Bit>,
    /// The beat.
    pub m_axi_wdata: Wire<Out>,
    /// All ones.
    pub m_axi_wstrb: Wire<Out>,
    /// Last beat.
    pub m_axi_wlast: Signal<Out, Bit>,
    /// Write response.
    pub m_axi_bvalid: Signal<In, Bit>,
    /// Taken.
    pub m_axi_bready: Signal<Out, Bit>,
    /// Response.
    pub m_axi_bresp: Wire<In>,
    /// As requested.
    pub m_axi_bid: Wire<In>,
    /// Interrupt levels.
    pub irq: Wire<Out>,
    /// A transfer never finished: reset the link side, then the core.
    pub wrapper_reset_req: Signal<Out, Bit>,
    axil: AxiLite,
    registers: RegisterFile,
    core: Core,
    resetting: Dff<Bit>,
    held: Dff<Bit>,
    reset_done: Dff<Bit>,
    reset_q: Reg,
    reset_core: Signal<Local, Bit>,
    soft_reset: Signal<Local, Bit>,
    failed_before: Dff<Bit>,
    wedged_before: Dff<Bit>,
    irq_status: Reg,
    irq_set: Concat,
    irq_clear: Wire<Local>,
    irq_gap: Dff<Bit>,
    status: Concat,
    config_array: Const,
    config_set: Const,
    config_activations: Const,
    config_weights: Const,
    config_parameters: Const,
    config_outputs: Const,
    config_residuals: Const,
    config_lines: Const,
    magic: Const,
    isa_version: Const,
    capabilities: Const,
    log2_beat: Const,
    all_bytes: Concat,
    beat_bytes: Const,
}

impl Accelerator {
    /// The accelerator of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let axi = config.axi_bits;
        let beat = config.beat_bytes();
        let number = |n: usize| Const::from(n);
        let register = |i: usize| number(config.to_registers()[i] as usize);
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            s_axil_awvalid: Signal::default(),
            s_axil_awready: Signal::default(),
            s_axil_awaddr: Wire::new(16),
            s_axil_wvalid: Signal::default(),
            s_axil_wready: Signal::default(),
            s_axil_wdata: Wire::new(32),
            s_axil_wstrb: Wire::new(4),
            s_axil_bvalid: Signal::default(),
            s_axil_bready: Signal::default(),
            s_axil_bresp: Wire::new(2),
            s_axil_arvalid: Signal::default(),
            s_axil_arready: Signal::default(),
            s_axil_araddr: Wire::new(16),
            s_axil_rvalid: Signal::default(),
            s_axil_rready: Signal::default(),
            s_axil_rdata: Wire::new(32),
            s_axil_rresp: Wire::new(2),
            m_axi_arvalid: Signal::default(),
            m_axi_arready: Signal::default(),
            m_axi_araddr: Wire::new(64),
            m_axi_arlen: Wire::new(8),
            m_axi_arsize: Wire::new(3),
            m_axi_arburst: Wire::new(2),
            m_axi_arid: Wire::new(8),
            m_axi_rvalid: Signal::default(),
            m_axi_rready: Signal::default(),
            m_axi_rdata: Wire::new(axi),
            m_axi_rresp: Wire::new(2),
            m_axi_rlast: Signal::default(),
            m_axi_rid: Wire::new(8),
            m_axi_awvalid: Signal::default(),
            m_axi_awready: Signal::default(),
            m_axi_awaddr: Wire::new(64),
            m_axi_awlen: Wire::new(8),
            m_axi_awsize: Wire::new(3),
            m_axi_awburst: Wire::new(2),
            m_axi_awid: Wire::new(8),
            m_axi_wvalid: Signal::default(),
            m_axi_wready: Signal::default(),
            m_axi_wdata: Wire::new(axi),
            m_axi_wstrb: Wire::new(beat),
            m_axi_wlast: Signal::default(),
            m_axi_bvalid: Signal::default(),
            m_axi_bready: Signal::default(),
            m_axi_bresp: Wire::new(2),
            m_axi_bid: Wire::new(8),
            irq: Wire::new(4),
            wrapper_reset_req: Signal::default(),
            axil: AxiLite::default(),
            registers: RegisterFile::default(),
            core: Core::new(config),
            resetting: Dff::default(),
            held: Dff::default(),
            reset_done: Dff::default(),
            reset_q: Reg::plain(1),
            reset_core: Signal::default(),
            soft_reset: Signal::default(),
            failed_before: Dff::default(),
            wedged_before: Dff::default(),
            irq_status: Reg::with_reset(4, 0),
            irq_set: Concat::new(4, 1),
            irq_clear: Wire::new(4),
            irq_gap: Dff::default(),
            status: Concat::new(32, 1),
            config_array: register(0),
            config_set: register(1),
            config_activations: register(2),
            config_weights: register(3),
            config_parameters: register(4),
            config_outputs: register(5),
            config_residuals: register(6),
            config_lines: register(7),
            magic: number(MAGIC_VALUE as usize),
            isa_version: number(ISA_VERSION as usize),
            capabilities: number(CAPABILITIES as usize),
            log2_beat: number(beat.ilog2() as usize),
            all_bytes: Concat::new(beat, 1),
            beat_bytes: number(beat),
        }
    }
}

impl Logic for Accelerator {
    #[hdl_gen]
    fn update(&mut self) {
        // AXI4-Lite.
        // The registers' reset begins and ends a cycle late: a write waits for its end.
        self.axil.awvalid.next = self.s_axil_awvalid.val() && !self.reset_q.q.val().any();
        self.s_axil_awready.next = self.axil.awready.val();
        self.axil.awaddr.next = self.s_axil_awaddr.val();
        self.axil.wvalid.next = self.s_axil_wvalid.val();
        self.s_axil_wready.next = self.axil.wready.val();
        self.axil.wdata.next = self.s_axil_wdata.val();
        self.axil.wstrb.next = self.s_axil_wstrb.val();
        self.s_axil_bvalid.next = self.axil.bvalid.val();
        self.axil.bready.next = self.s_axil_bready.val();
        self.s_axil_bresp.next = 0.into();
        self.axil.arvalid.next = self.s_axil_arvalid.val();
        self.s_axil_arready.next = self.axil.arready.val();
        self.axil.araddr.next = self.s_axil_araddr.val();
        self.s_axil_rvalid.next = self.axil.rvalid.val();
        self.axil.rready.next = self.s_axil_rready.val();
        self.s_axil_rdata.next = self.axil.rdata.val();
        self.s_axil_rresp.next = 0.into();
        self.axil.read_data.next = self.registers.read_data.val();
        // Soft reset: stop issuing, let transfers end, reset everything but this access. The engines hear of it a cycle
        // late: what they, or a waiting request of the queue, begin in that cycle is under way in the next.
        self.held.d.next = self.resetting.q.val();
        self.soft_reset.next = self.resetting.q.val()
            && ((self.held.q.val() && self.core.quiet.val()) || self.core.wedged.val());
        // It reaches far, so it starts at a register.
        self.reset_q.d.next = (self.reset.val() || self.soft_reset.val()).into();
        self.reset_core.next = self.reset_q.q.val().any();
        if self.registers.control_written.val().get_bit(0) {
            self.resetting.d.next = true;
            self.reset_done.d.next = false;
        }
        if self.soft_reset.val() {
            self.resetting.d.next = false;
            self.reset_done.d.next = true;
        }
        // Registers.
        self.registers.reset.next = self.reset_core.val();
        self.registers.write.next = self.axil.write.val();
        self.registers.write_address.next = self.axil.write_address.val();
        self.registers.write_data.next = self.axil.write_data.val();
        self.registers.write_mask.next = self.axil.write_mask.val();
        self.registers.read_address.next = self.axil.read_address.val();
        self.registers.magic.next = self.magic.val();
        self.registers.isa_version.next = self.isa_version.val();
        self.registers.config_array.next = self.config_array.val();
        self.registers.config_set.next = self.config_set.val();
        self.registers.config_activations.next = self.config_activations.val();
        self.registers.config_weights.next = self.config_weights.val();
        self.registers.config_parameters.next = self.config_parameters.val();
        self.registers.config_outputs.next = self.config_outputs.val();
        self.registers.config_residuals.next = self.config_residuals.val();
        self.registers.config_lines.next = self.config_lines.val();
        self.registers.capabilities.next = self.capabilities.val();
        self.registers.dma_address_bits.next = 64.into();
        for i in 0..26 {
            self.status.parts[i + 6].next = 0.into();
        }
        self.status.parts[0].next = self.reset_done.q.val().into();
        self.status.parts[1].next = self.core.busy.val().into();
        self.status.parts[2].next = self.core.halted.val().into();
        self.status.parts[3].next = self.core.wedged.val().into();
        self.status.parts[4].next = 0.into();
        self.status.parts[5].next = 0.into();
        self.registers.status.next = self.status.y.val();
        self.registers.error_code.next = self.core.error_code.val();
        self.registers.error_address_lo.next = self.core.error_place.val().get_bits::<32>(0);
        self.registers.error_address_hi.next = self.core.error_place.val().get_bits::<32>(32);
        self.registers.cycles_lo.next = self.core.counter_lo[0].val();
        self.registers.cycles_hi.next = self.core.counter_hi[0].val();
        self.registers.mac_active_lo.next = self.core.counter_lo[1].val();
        self.registers.mac_active_hi.next = self.core.counter_hi[1].val();
        self.registers.wait_load_lo.next = self.core.counter_lo[2].val();
        self.registers.wait_load_hi.next = self.core.counter_hi[2].val();
        self.registers.wait_store_lo.next = self.core.counter_lo[3].val();
        self.registers.wait_store_hi.next = self.core.counter_hi[3].val();
        self.registers.wait_ppu_lo.next = self.core.counter_lo[4].val();
        self.registers.wait_ppu_hi.next = self.core.counter_hi[4].val();
        self.registers.queue_command_consumer.next = self.core.consumer.val();
        self.registers.queue_completion_producer.next = self.core.completion_producer.val();
        // Interrupts: sticky causes, level outputs that drop for one cycle after every clear.
        self.irq_set.parts[0].next = self.core.notify.val().into();
        self.irq_set.parts[1].next = (self.core.failed.val() && !self.failed_before.q.val()).into();
        self.irq_set.parts[2].next = (self.core.wedged.val() && !self.wedged_before.q.val()).into();
        self.irq_set.parts[3].next = 0.into();
        self.failed_before.d.next = self.core.failed.val();
        self.wedged_before.d.next = self.core.wedged.val();
        self.irq_clear.next = self.registers.irq_status_written.val().get_bits::<4>(0);
        self.irq_status.reset.next = self.reset_core.val();
        self.irq_status.d.next = (self.irq_status.q.val() & !self.irq_clear.val()) | self.irq_set.y.val();
        self.irq_gap.d.next = self.irq_clear.val().any();
        self.registers.irq_status.next = unsigned_cast(self.irq_status.q.val());
        self.irq.next = self.irq_status.q.val() & self.registers.irq_enable.val().get_bits::<4>(0);
        if self.irq_gap.q.val() {
            self.irq.next = 0.into();
        }
        // The core.
        self.core.reset.next = self.reset_core.val();
        self.core.hold.next = self.resetting.q.val();
        self.core.resume.next = self.registers.control_written.val().get_bit(1);
        self.core.enable.next = self.registers.queue_enable.val().get_bit(0);
        self.core.producer.next = self.registers.queue_command_producer.val();
        self.core.command_base.next = unsigned_cast(self.registers.queue_command_base_lo.val())
            | (bits_resize(self.registers.queue_command_base_hi.val(), 64) << 32);
        self.core.command_log2.next = self.registers.queue_command_log2.val().get_bits::<4>(0);
        self.core.completion_base.next = unsigned_cast(self.registers.queue_completion_base_lo.val())
            | (bits_resize(self.registers.queue_completion_base_hi.val(), 64) << 32);
        self.core.completion_log2.next = self.registers.queue_completion_log2.val().get_bits::<4>(0);
        self.core.completion_consumer.next = self.registers.queue_completion_consumer.val();
        self.core.burst_limit.next = self.registers.burst_limit.val();
        self.core.timeout.next = self.registers.dma_timeout.val();
        self.core.read.next = self.axil.read.val();
        self.core.read_address.next = self.axil.read_address.val();
        self.wrapper_reset_req.next = self.core.wedged.val();
        // AXI master.
        self.m_axi_arvalid.next = self.core.arvalid.val();
        self.core.arready.next = self.m_axi_arready.val();
        self.m_axi_araddr.next = self.core.araddr.val();
        self.m_axi_arlen.next = self.core.arlen.val();
        self.m_axi_arsize.next = self.log2_beat.val();
        self.m_axi_arburst.next = 1.into();
        self.m_axi_arid.next = self.core.arid.val();
        self.core.rvalid.next = self.m_axi_rvalid.val();
        self.m_axi_rready.next = self.core.rready.val();
        self.core.rdata.next = self.m_axi_rdata.val();
        self.core.rresp.next = self.m_axi_rresp.val();
        self.core.rlast.next = self.m_axi_rlast.val();
        self.core.rid.next = self.m_axi_rid.val();
        self.m_axi_awvalid.next = self.core.awvalid.val();
        self.core.awready.next = self.m_axi_awready.val();
        self.m_axi_awaddr.next = self.core.awaddr.val();
        self.m_axi_awlen.next = self.core.awlen.val();
        self.m_axi_awsize.next = self.log2_beat.val();
        self.m_axi_awburst.next = 1.into();
        self.m_axi_awid.next = 0.into();
        self.m_axi_wvalid.next = self.core.wvalid.val();
        self.core.wready.next = self.m_axi_wready.val();
        self.m_axi_wdata.next = self.core.wdata.val();
        for i in 0..self.beat_bytes.value {
            self.all_bytes.parts[i].next = 1.into();
        }
        self.m_axi_wstrb.next = self.all_bytes.y.val();
        self.m_axi_wlast.next = self.core.wlast.val();
        self.core.bvalid.next = self.m_axi_bvalid.val();
        self.m_axi_bready.next = true;
        self.core.bresp.next = self.m_axi_bresp.val();
    }
}
