//! Jobs whose results are known.

use cbp_compiler::{Keep, Options, Program, TensorLayout, compile, segment};
use cbp_driver::{Device, Error, HostBuffer, Job, OutOfRange, Segment, Transport};
use cbp_numerics::random::{Random, Shape, network};
use cbp_numerics::{Network, Values, run_network};

use super::Failure;

/// A small fully connected network, compiled for a device, with its weights in memory.
pub struct Work<T: Transport> {
    network: Network,
    program: Program,
    image: Segment<T::Dma>,
    random: Random,
}

/// A job with what it must give.
pub struct Task<T: Transport> {
    /// The job.
    pub job: Job<T::Dma>,
    layout: TensorLayout,
    expected: Values,
}

impl<T: Transport> Work<T> {
    /// A network of `inputs` and `outputs`, its weights drawn from `seed`.
    pub fn new(device: &mut Device<T>, inputs: usize, outputs: usize, seed: u64) -> Result<Self, Failure> {
        let set = device.config().weight_set;
        let shape = Shape { outputs, set: Some(set), raw: false, extreme: false };
        let network = network(inputs, &[shape], seed)?;
        // Nothing stays in the buffers, so that every job is whole in itself.
        let options = Options { keep: Keep::Output, resident: false, ..Options::default() };
        let program = compile(&network, device.config(), options)?;
        let mut memory = device.allocate(program.image.len())?;
        memory.write(0, &program.image)?;
        Ok(Self { network, program, image: Segment::all(memory.lend()), random: Random(seed) })
    }

    /// A job on a random image.
    pub fn task(&mut self, device: &mut Device<T>) -> Result<Task<T>, Failure> {
        let program = &self.program;
        let input = self.random.bytes(self.network.inputs());
        let mut results = run_network(&self.network, &input, 1)?;
        let Some(result) = results.pop() else {
            return Err(Failure::Other("a network without layers".into()));
        };
        let mut host = program.memory(1);
        program.input.write(&mut host[segment::INPUT], &input)?;
        let mut job = Job::new(self.image.clone(), program.instructions.len() as u32);
        for s in [segment::INPUT, segment::OUTPUT, segment::SCRATCH] {
            if !host[s].is_empty() {
                let mut memory = device.allocate(host[s].len())?;
                memory.write(0, &host[s])?;
                let length = program.segment_bytes[s] as u32;
                job.segments[s] = Some(Segment { memory: memory.lend(), offset: 0, length, stride: 0 });
            }
        }
        Ok(Task { job, layout: program.output().clone(), expected: result.values })
    }
}

impl<T: Transport> Task<T> {
    /// What [`Task::clear`] leaves.
    pub const CLEAR: u8 = 0x55;

    /// A segment's memory while no job runs; it is the job's again afterwards.
    fn between_runs<R>(
        &mut self,
        segment: usize,
        access: impl FnOnce(&mut HostBuffer<T::Dma>) -> Result<R, OutOfRange>,
    ) -> Result<R, Failure> {
        let lent = self.job.segments[segment].take();
        let lent = lent.ok_or_else(|| Failure::Other("a program without this segment".into()))?;
        let mut memory = lent.memory.reclaim().map_err(Error::from)?;
        let result = access(&mut memory);
        self.job.segments[segment] = Some(Segment { memory: memory.lend(), ..lent });
        Ok(result?)
    }

    /// What is in the memory of a segment.
    pub fn bytes(&mut self, segment: usize) -> Result<Vec<u8>, Failure> {
        self.between_runs(segment, |memory| {
            let mut bytes = vec![0; memory.size()];
            memory.read(0, &mut bytes)?;
            Ok(bytes)
        })
    }

    /// Compares what the job gave.
    pub fn check(&mut self) -> Result<(), Failure> {
        let bytes = self.bytes(segment::OUTPUT)?;
        if self.layout.read(&bytes)? == self.expected {
            return Ok(());
        }
        Err(Failure::Other("the output differs from the scalar model's".into()))
    }

    /// Overwrites what an earlier run gave, so that a job that does nothing is seen.
    pub fn clear(&mut self) -> Result<(), Failure> {
        self.between_runs(segment::OUTPUT, |memory| memory.write(0, &vec![Self::CLEAR; memory.size()]))
    }
}
