//! The AXI-Lite master: one register access at a time.

use cbp_isa::registers;

use crate::device::SimDevice;
use crate::error::SimError;
use crate::timing::Draw;

const ANSWER_LIMIT: u64 = 10_000;
const OKAY: u64 = 0;

impl SimDevice {
    /// Reads a register.
    ///
    /// # Errors
    /// No answer, an error as answer, or those of [`SimDevice::tick`].
    pub fn read32(&mut self, offset: u32) -> Result<u32, SimError> {
        let (i, o) = (&self.inputs, &self.outputs);
        let (arvalid, rready, rdata, rresp) =
            (i.s_axil_arvalid, i.s_axil_rready, o.s_axil_rdata, o.s_axil_rresp);
        let (arready, rvalid) = (o.s_axil_arready, o.s_axil_rvalid);
        self.model.inputs()[i.s_axil_araddr] = u64::from(offset);
        let mut asked = false;
        for _ in 0..ANSWER_LIMIT {
            let ready = self.clockwork.happens(Draw::Register);
            let start = !asked && self.clockwork.happens(Draw::Register);
            let pins = self.model.inputs();
            pins[rready] = u64::from(ready);
            pins[arvalid] |= u64::from(start);
            asked |= start;
            self.tick()?;
            let (pins, outputs) = self.model.pins();
            if outputs[arready] != 0 {
                pins[arvalid] = 0;
            }
            if ready && outputs[rvalid] != 0 {
                pins[rready] = 0;
                let (value, response) = (outputs[rdata] as u32, outputs[rresp]);
                self.push_writes()?;
                return match response {
                    OKAY => Ok(value),
                    response => Err(SimError::Refused { offset, response }),
                };
            }
        }
        Err(SimError::NoAnswer { offset, cycles: ANSWER_LIMIT })
    }

    /// Writes a register.
    ///
    /// # Errors
    /// No answer, an error as answer, or those of [`SimDevice::tick`].
    pub fn write32(&mut self, offset: u32, value: u32) -> Result<(), SimError> {
        let (i, o) = (&self.inputs, &self.outputs);
        let (awvalid, wvalid, bready) = (i.s_axil_awvalid, i.s_axil_wvalid, i.s_axil_bready);
        let (awready, wready, bvalid, bresp) =
            (o.s_axil_awready, o.s_axil_wready, o.s_axil_bvalid, o.s_axil_bresp);
        let pins = self.model.inputs();
        pins[i.s_axil_awaddr] = u64::from(offset);
        pins[i.s_axil_wdata] = u64::from(value);
        pins[i.s_axil_wstrb] = 0xf;
        let (mut address_sent, mut data_sent) = (false, false);
        for _ in 0..ANSWER_LIMIT {
            let ready = self.clockwork.happens(Draw::Register);
            let address = !address_sent && self.clockwork.happens(Draw::Register);
            let data = !data_sent && self.clockwork.happens(Draw::Register);
            let pins = self.model.inputs();
            pins[bready] = u64::from(ready);
            pins[awvalid] |= u64::from(address);
            pins[wvalid] |= u64::from(data);
            address_sent |= address;
            data_sent |= data;
            self.tick()?;
            let (pins, outputs) = self.model.pins();
            if outputs[awready] != 0 {
                pins[awvalid] = 0;
            }
            if outputs[wready] != 0 {
                pins[wvalid] = 0;
            }
            if ready && outputs[bvalid] != 0 {
                pins[bready] = 0;
                return match outputs[bresp] {
                    OKAY => {
                        self.follow(offset, value);
                        Ok(())
                    }
                    response => Err(SimError::Refused { offset, response }),
                };
            }
        }
        Err(SimError::NoAnswer { offset, cycles: ANSWER_LIMIT })
    }

    /// What the protocol checker must know about the registers.
    const fn follow(&mut self, offset: u32, value: u32) {
        if offset == registers::BURST_LIMIT.offset {
            self.rules.limit = value as u64;
        } else if offset == registers::CONTROL.offset && value & registers::control::SOFT_RESET != 0 {
            self.rules.limit = u64::MAX;
        }
    }
}
