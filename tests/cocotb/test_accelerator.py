"""The emitted accelerator against AXI models that are not ours: cocotbext-axi's AxiLiteMaster and AxiRam.

Reads a job folder (README.md) from $CBP_JOB.
"""

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam, AxiResp

FOLDER = Path(os.environ["CBP_JOB"])
JOB = json.loads((FOLDER / "job.json").read_text())
REGISTERS = JOB["registers"]
SEED = int(os.environ.get("CBP_SEED", "1"))
GUARD = 4096
# Cycles of a run at most; the time limits of the tests allow for four of them.
LIMIT = int(os.environ.get("CBP_LIMIT", "8000"))
COMMAND_BYTES, COMPLETION_BYTES = 128, 32


class Bench:
    """The device between a host's register accesses and its memory."""

    def __init__(self, dut):
        self.dut = dut
        cocotb.start_soon(Clock(dut.clock, 8, unit="ns").start())
        self.host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clock, dut.reset)
        # Sparse, and more than the addresses of a job: a wrong high half misses.
        self.ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clock, dut.reset, size=2**62)
        # RREADY depends on RID, which the memory's model leaves undefined until its first beat.
        dut.m_axi_rid.value = 0

    async def reset(self):
        self.dut.reset.value = 1
        await ClockCycles(self.dut.clock, 10)
        self.dut.reset.value = 0
        await ClockCycles(self.dut.clock, 2)

    def pause(self, seed):
        """Every channel of both interfaces stops and goes at random, in moods."""

        def pauses(rng):
            while True:
                chance = rng.choice([0, 0.1, 0.5, 0.9])
                for _ in range(rng.randrange(16, 256)):
                    yield rng.random() < chance

        host, ram = self.host, self.ram
        channels = [
            host.write_if.aw_channel, host.write_if.w_channel, host.write_if.b_channel,
            host.read_if.ar_channel, host.read_if.r_channel,
            ram.write_if.aw_channel, ram.write_if.w_channel, ram.write_if.b_channel,
            ram.read_if.ar_channel, ram.read_if.r_channel,
        ]
        for number, channel in enumerate(channels):
            channel.set_pause_generator(pauses(random.Random(f"{seed} {number}")))

    async def read(self, offset):
        answer = await self.host.read(offset, 4)
        assert answer.resp == AxiResp.OKAY, f"register {offset:#x}: {answer.resp}"
        return int.from_bytes(answer.data, "little")

    async def write(self, offset, value, size=4):
        answer = await self.host.write(offset, value.to_bytes(size, "little"))
        assert answer.resp == AxiResp.OKAY, f"register {offset:#x}: {answer.resp}"

    async def get(self, name):
        return await self.read(REGISTERS[name])

    async def set(self, name, value):
        await self.write(REGISTERS[name], value)

    async def set_wide(self, name, value):
        await self.set(f"{name}_LO", value & 0xFFFFFFFF)
        await self.set(f"{name}_HI", value >> 32)

    async def check_bursts(self):
        """No burst crosses 4 KiB or is longer than the limit that the test set."""
        dut, beat = self.dut, JOB["axi_bits"] // 8
        while True:
            await RisingEdge(dut.clock)
            for name in ("ar", "aw"):
                signal = lambda s: getattr(dut, f"m_axi_{name}{s}").value
                if signal("valid") == 1 and signal("ready") == 1:
                    address, length = int(signal("addr")), (int(signal("len")) + 1) * beat
                    assert address % 4096 + length <= 4096, f"{name}: {address:#x} crosses 4 KiB"
                    assert length <= 256, f"{name}: {length} bytes at {address:#x}"


@cocotb.test(timeout_time=100, timeout_unit="us")
async def registers(dut):
    """Identity; what is written is read; byte strobes; what is no register reads 0; writing there changes nothing."""
    for paused in (False, True):
        bench = Bench(dut)
        if paused:
            bench.pause(SEED)
        await bench.reset()
        for name, value in JOB["identity"].items():
            assert await bench.get(name) == value, name
        writable = {
            "QUEUE_COMMAND_BASE_LO": 0xFFFFFFF8, "QUEUE_COMMAND_BASE_HI": 0xFFFFFFFF,
            "QUEUE_COMPLETION_BASE_LO": 0xFFFFFFE0, "QUEUE_COMPLETION_BASE_HI": 0xFFFFFFFF,
            "DMA_TIMEOUT": 0xFFFFFFFF, "IRQ_ENABLE": 0xF,
        }
        rng = random.Random(SEED)
        values = {name: rng.getrandbits(32) & mask for name, mask in writable.items()}
        for name, value in values.items():
            await bench.set(name, value)
        known = set(REGISTERS.values())
        for offset in [0x68, 0xFC, 0x13C, 0x102C, 0x1100, 0x8000, 0xFFFC]:
            assert offset not in known
            assert await bench.read(offset) == 0, f"{offset:#x} is no register"
            await bench.write(offset, 0xFFFFFFFF)
            assert await bench.read(offset) == 0, f"{offset:#x} is no register"
        await bench.set("MAGIC", 0)
        assert await bench.get("MAGIC") == JOB["identity"]["MAGIC"], "read only"
        for name, value in values.items():
            assert await bench.get(name) == value, name
        # A single byte: the strobes count.
        offset = REGISTERS["DMA_TIMEOUT"]
        await bench.write(offset + 2, 0x5A, size=1)
        assert await bench.read(offset) == values["DMA_TIMEOUT"] & 0xFF00FFFF | 0x5A0000
        await bench.set("DMA_TIMEOUT", 0)


@cocotb.test(timeout_time=300, timeout_unit="us")
async def job(dut):
    """The job, without pauses and then with others each time, in rings of one entry that wrap every time."""
    bench = Bench(dut)
    ram = bench.ram
    await bench.reset()
    checker = cocotb.start_soon(bench.check_bursts())
    for memory in JOB["memories"]:
        ram.write(memory["address"] - GUARD, bytes(memory["bytes"] + 2 * GUARD))
    for memory in JOB["memories"]:
        if memory["contents"]:
            ram.write(memory["address"], (FOLDER / memory["contents"]).read_bytes())
    ram.write(JOB["completion_ring"], bytes(COMPLETION_BYTES))
    ram.write(JOB["command_ring"], (FOLDER / JOB["command"]).read_bytes())
    await bench.set("BURST_LIMIT", 256)
    await bench.set("DMA_TIMEOUT", 4000)
    await bench.set("IRQ_ENABLE", 0xF)
    await bench.set_wide("QUEUE_COMMAND_BASE", JOB["command_ring"])
    await bench.set_wide("QUEUE_COMPLETION_BASE", JOB["completion_ring"])
    await bench.set("QUEUE_COMMAND_LOG2", 0)
    await bench.set("QUEUE_COMPLETION_LOG2", 0)
    await bench.set("QUEUE_ENABLE", 1)
    for run in range(4):
        if run > 0:
            bench.pause(SEED + run)
        for memory in JOB["memories"]:
            if memory["expected"]:
                ram.write(memory["address"], bytes([0x5A + run]) * memory["bytes"])
        await bench.set("QUEUE_COMMAND_PRODUCER", run + 1)
        for _ in range(LIMIT):
            if int(dut.irq.value):
                break
            await RisingEdge(dut.clock)
        else:
            raise AssertionError(f"run {run}: no interrupt after {LIMIT} cycles")
        error = await bench.get("ERROR_CODE")
        assert error == 0, f"run {run}: error {error}"
        assert int(dut.irq.value) == 1, f"run {run}: interrupts {int(dut.irq.value)}"
        entry = ram.read(JOB["completion_ring"], COMPLETION_BYTES)
        word = lambda i: int.from_bytes(entry[4 * i : 4 * i + 4], "little")
        assert int.from_bytes(entry[:8], "little") == JOB["cookie"]
        assert (word(2), word(3)) == (0, run), "status and sequence"
        assert word(7) >> 31 == (run + 1) % 2, "the phase toggles with every round"
        for memory in JOB["memories"]:
            address, length = memory["address"], memory["bytes"]
            there = (FOLDER / (memory["expected"] or memory["contents"])).read_bytes()
            got = bytes(ram.read(address, length))
            wrong = [i for i in range(length) if got[i] != there[i]]
            assert not wrong, f"run {run}, {memory['name']}: {len(wrong)} bytes differ, the first at {wrong[0]}: " \
                f"{got[wrong[0]]} is not {there[wrong[0]]}"
            for guard in (address - GUARD, address + length):
                assert not any(ram.read(guard, GUARD)), f"run {run}: something was written beside {memory['name']}"
        dut._log.info("run %d: %d cycles, %d steps, all bytes equal", run, word(4), word(5))
        await bench.set("IRQ_STATUS", 1)
        await ClockCycles(dut.clock, 5)
        assert int(dut.irq.value) == 0
        await bench.set("QUEUE_COMPLETION_CONSUMER", run + 1)
        assert await bench.get("QUEUE_COMMAND_CONSUMER") == run + 1
        assert await bench.get("QUEUE_COMPLETION_PRODUCER") == run + 1
    checker.cancel()
