//! Instructions by hand: what the compiler does not use yet, and what no device runs.

#![allow(clippy::unwrap_used)]

mod common;

use cbp_compiler::interpreter::{Fault, Job, Machine, Order, RunError, Segments};
use cbp_compiler::operation::{Compute, Coordinates, Load, Operation, Pack, Rows, Store, Target};
use cbp_isa::instruction::{self as isa, Destination, Instruction, OutputMode, load};
use cbp_isa::parameters::encode_parameter;
use cbp_isa::weight_code::encode_word;
use cbp_isa::{Config, WeightSet};
use common::{Random, config};
use proptest::prelude::*;

const ROW: Rows =
    Rows { segment: 1, offset: 0, length: 1, count: [1, 1], stride: [0, 0], base: 0, step: [0, 0] };

fn load(destination: Destination, rows: Rows) -> Load {
    Load { wait_compute: 0, wait_store: 0, signal_compute: 0, destination, rows, digit_step: 0 }
}

fn store(rows: Rows) -> Store {
    Store { wait_compute: 0, signal_compute: 0, signal_load: 0, rows }
}

fn compute() -> Compute {
    Compute {
        wait_load: 0,
        wait_store: 0,
        signal_load: 0,
        signal_store: 0,
        mode: OutputMode::Raw,
        mask: false,
        maximum: false,
        residual: None,
        target: Target { outputs: true, keep: None },
        shifts: vec![0],
        lanes: [0, 8],
        groups: 2,
        act_base: 0,
        weight_base: 0,
        parameter_base: 0,
        count: [1; 5],
        act_step: [0; 4],
        x: Coordinates::INSIDE,
        y: Coordinates::INSIDE,
        fill: 0,
        out_base: 0,
        out_step: [8, 0],
        mask_base: 0,
        low: -128,
        high: 127,
        zero_point: 0,
    }
}

fn packed() -> Pack {
    Pack {
        wait_compute: 0,
        wait_store: 0,
        signal_compute: 0,
        fill: 0,
        piece: 1,
        pieces: 1,
        piece_step: 0,
        count: [1, 1],
        column: 0,
        column_step: 0,
        line_bytes: 8,
        line: 0,
        line_step: 0,
        lines: 1,
        line_base: 0,
        line_pitch: 1,
        base: 0,
    }
}

/// Runs operations on memory whose segment 0 they are.
fn run(config: &Config, program: &[Operation], memory: &mut Segments) -> Result<(), RunError> {
    memory[0] = program.iter().flat_map(|op| op.encode().unwrap().to_bytes()).collect();
    let job = Job { program_offset: 0, program_length: program.len(), repeat: 1, strides: [0; 4] };
    Machine::new(config, 0x5a).run(&job, memory, Order::StoreFirst).map(|_| ())
}

fn memory() -> Segments {
    core::array::from_fn(|_| vec![0; 8192])
}

/// A 3×3 convolution with stride 2 on 9×7 pixels of 12 channels (2 words of 8 lanes, the second with 4), as raw
/// accumulators with sign masks.
#[test]
fn a_convolution_by_its_loops() {
    let config = config("tiny", WeightSet::TwoBitShift);
    let (height, width, channels, k, n) = (9, 7, 12, 8, 8);
    let (out_h, out_w) = (4, 3);
    let mut random = Random(5);
    let image = random.bytes(height * width * channels);
    let levels = WeightSet::TwoBitShift.levels();
    // [column][ky][kx][channel]
    let weights: Vec<i8> = (0..n * 9 * channels).map(|_| levels[random.below(7)]).collect();

    let mut memory = memory();
    for (pixel, values) in image.chunks(channels).enumerate() {
        for c in 0..16 {
            // Lanes without a channel hold rubbish: the lane range must hide them.
            memory[1][pixel * 16 + c] = values.get(c).map_or(0x77, |q| q.cast_unsigned());
        }
    }
    // 18 steps of 64 weights: 3 beats of 8 bytes each, one group.
    for step in 0..18 {
        let (tap, word) = (step / 2, step % 2);
        for column in 0..n {
            let weight = |lane: usize| {
                let channel = word * k + lane;
                if channel < channels { weights[(column * 9 + tap) * channels + channel] } else { 4 }
            };
            let (column_word, mut codes) = ((0..k).map(weight).collect::<Vec<_>>(), vec![0; k]);
            encode_word(WeightSet::TwoBitShift, &column_word, &mut codes);
            for (lane, code) in codes.into_iter().enumerate() {
                let i = column * k + lane;
                for plane in 0..3 {
                    memory[2][step * 24 + plane * 8 + i / 8] |= (code >> plane & 1) << (i % 8);
                }
            }
        }
    }
    // acc·1 + 0: the mask is the sign of the accumulator.
    let record = encode_parameter(1, 0, 1, 0);
    memory[3][..8 * 16].copy_from_slice(&record.repeat(8));
    let row = width * 2;
    let program = [
        Operation::Load(load(Destination::Activations, Rows { length: height * row, ..ROW })),
        Operation::Load(load(Destination::Weights, Rows { segment: 2, length: 18 * 3, base: 100, ..ROW })),
        Operation::Load(Load {
            signal_compute: 1,
            ..load(Destination::Parameters, Rows { segment: 3, length: 16, base: 3, ..ROW })
        }),
        Operation::Compute(Compute {
            wait_load: 1,
            signal_store: 1,
            mask: true,
            lanes: [0, 4],
            weight_base: 100,
            parameter_base: 3,
            count: [2, 3, 3, out_w, out_h],
            act_step: [2, row, 4, 2 * row],
            out_base: 16,
            out_step: [8, 8 * out_w],
            mask_base: 1000,
            ..compute()
        }),
        Operation::Store(Store {
            wait_compute: 1,
            ..store(Rows { segment: 3, offset: 1024, length: 12 * 4, base: 8, ..ROW })
        }),
        Operation::Store(store(Rows { segment: 3, offset: 4096, length: 2, base: 500, ..ROW })),
        Operation::End,
    ];
    run(&config, &program, &mut memory).unwrap();
    for y in 0..out_h {
        for x in 0..out_w {
            for column in 0..n {
                let mut acc = 0i32;
                for (ky, kx) in (0..9).map(|t| (t / 3, t % 3)) {
                    for c in 0..channels {
                        let q = image[((2 * y + ky) * width + 2 * x + kx) * channels + c];
                        acc += i32::from(q) * i32::from(weights[(column * 9 + ky * 3 + kx) * channels + c]);
                    }
                }
                let position = y * out_w + x;
                let at = 1024 + (position * 8 + column) * 4;
                let found = i32::from_le_bytes(memory[3][at..at + 4].try_into().unwrap());
                assert_eq!(found, acc, "({y}, {x}) column {column}");
                let bit = memory[3][4096 + position] >> column & 1 != 0;
                assert_eq!(bit, acc > 0);
            }
        }
    }
    // Three granules of masks: the last 4 bytes of the second beat were never written.
    assert_eq!(memory[3][4096 + 12..4096 + 16], [0x5a; 4]);
}

#[test]
fn two_loops_of_rows_and_short_rows() {
    let config = config("tiny", WeightSet::Binary);
    let mut memory = memory();
    memory[1] = (0..8192u32).map(|i| (i / 8) as u8).collect();
    let rows = Rows { offset: 80, count: [2, 3], stride: [16, 160], base: 10, step: [2, 5], ..ROW };
    let expected: Vec<(u64, usize)> = vec![(80, 10), (96, 12), (240, 15), (256, 17), (400, 20), (416, 22)];
    assert_eq!(rows.iter().collect::<Vec<_>>(), expected);
    // Output bytes are those of the buffer's fill: STORE mirrors LOAD.
    let out =
        Rows { segment: 2, offset: 8, length: 2, count: [2, 2], stride: [32, 128], base: 0, step: [2, 4] };
    run(
        &config,
        &[
            Operation::Load(load(Destination::Activations, rows)),
            Operation::Store(store(out)),
            Operation::End,
        ],
        &mut memory,
    )
    .unwrap();
    let written: Vec<usize> = (0..8192).filter(|&i| memory[2][i] == 0x5a).collect();
    let expected: Vec<usize> = [8, 40, 136, 168].into_iter().flat_map(|s| s..s + 16).collect();
    assert_eq!(written, expected);
}

#[test]
fn what_no_device_runs() {
    let config = config("tiny", WeightSet::Binary);
    let fault = |op: Operation| match run(&config, &[op, Operation::End], &mut memory()) {
        Err(RunError::Fault { index: 0, fault }) => fault,
        other => panic!("{other:?}"),
    };
    let rows = |rows| fault(Operation::Load(load(Destination::Activations, rows)));
    assert!(matches!(rows(Rows { offset: 4, ..ROW }), Fault::Unaligned { what: "OFFSET", .. }));
    assert!(matches!(rows(Rows { count: [0, 1], ..ROW }), Fault::Range { what: "COUNT0", .. }));
    assert!(matches!(rows(Rows { offset: 8192, ..ROW }), Fault::Segment { segment: 1, end: 8200 }));
    assert!(matches!(rows(Rows { segment: 4, ..ROW }), Fault::Range { what: "SEGMENT", .. }));
    let computes = |op| fault(Operation::Compute(op));
    assert!(matches!(computes(Compute { groups: 3, ..compute() }), Fault::Range { what: "GROUPS", .. }));
    assert!(matches!(
        computes(Compute { lanes: [1, 8], ..compute() }),
        Fault::Range { what: "LANE_COUNT", .. }
    ));
    assert!(matches!(
        computes(Compute { out_base: 2, ..compute() }),
        Fault::Unaligned { what: "OUT_BASE", .. }
    ));
    let target = Target { outputs: false, keep: None };
    assert!(matches!(computes(Compute { target, ..compute() }), Fault::BadInstruction(_)));
    let target = Target { outputs: true, keep: Some([0, 2]) };
    assert!(matches!(computes(Compute { target, ..compute() }), Fault::BadInstruction(_)), "raw, kept");
    let pack = |op: Pack| fault(Operation::Pack(op));
    assert!(matches!(pack(Pack { piece: 0, ..packed() }), Fault::Range { what: "PIECE", .. }));
    assert!(matches!(pack(Pack { count: [1, 0], ..packed() }), Fault::Range { what: "COUNT1", .. }));
}

#[test]
fn tokens_and_ends() {
    let config = config("tiny", WeightSet::Binary);
    let waiting = Operation::Compute(Compute { wait_load: 2, ..compute() });
    let giving = Operation::Load(Load { signal_compute: 1, ..load(Destination::Activations, ROW) });
    let result = run(&config, &[waiting.clone(), giving.clone(), Operation::End], &mut memory());
    assert!(matches!(result, Err(RunError::Deadlock { heads: [None, Some(0), None], .. })), "{result:?}");
    assert_eq!(
        run(&config, &[waiting.clone(), giving.clone(), giving.clone(), Operation::End], &mut memory()),
        Ok(())
    );
    // Nine waiting instructions fill the queue and block the one that would free them.
    let mut blocked = vec![waiting; 9];
    blocked.extend([giving.clone(), giving.clone(), Operation::End]);
    assert!(matches!(run(&config, &blocked, &mut memory()), Err(RunError::Deadlock { .. })));
    assert_eq!(run(&config, &[giving], &mut memory()), Err(RunError::NoEnd { instructions: 1 }));
}

proptest! {
    #[test]
    fn operations_decode_to_what_was_encoded(words in any::<[u64; 8]>(), opcode in 1u64..5) {
        let mut word = Instruction(words);
        word.set(load::OPCODE, opcode).unwrap();
        if let Ok(op) = Operation::decode(&word) {
            prop_assert_eq!(Operation::decode(&op.encode().unwrap()).unwrap(), op);
        }
        // Random words nearly always set a reserved field; clear those.
        let fields = [load::FIELDS, isa::compute::FIELDS, isa::store::FIELDS, isa::pack::FIELDS][opcode as usize - 1];
        for &field in fields.iter().filter(|f| f.reserved || f.name == "SOURCE") {
            word.set(field, 0).unwrap();
        }
        if opcode == 1 {
            word.set(load::DESTINATION, (words[0] >> 5) % 6).unwrap();
        }
        if opcode == 2 {
            let mode = words[0] >> 5 & 1;
            word.set(isa::compute::MODE, mode).unwrap();
            word.set(isa::compute::TARGET, if mode == 1 { 1 } else { 1 + words[0] % 3 }).unwrap();
            word.set(isa::compute::PASSES, 1 + words[1] % 9).unwrap();
        }
        let op = Operation::decode(&word).unwrap();
        prop_assert_eq!(Operation::decode(&op.encode().unwrap()).unwrap(), op);
    }
}
