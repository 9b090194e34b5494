//! Everything that [`Network::new`] refuses, and that the message names it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use cbp_numerics::{
    Add, AveragePool, Clamp, Concat, Convolution, FullyConnected, Layer, MaxPool, Network, NetworkError,
    Operation, Output, Requant, RequantFault, Residual, Shape, Source, WeightSet, Weights, Window,
    run_network,
};
use common::{convolution, named};

const SHAPE: Shape = Shape::new(4, 4, 2);

fn refused(layers: Vec<Layer>) -> NetworkError {
    let error = Network::new("net", SHAPE, layers).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("\"bad\"") || matches!(error, NetworkError::Empty { .. }), "{text}");
    error
}

fn bad(operation: Operation) -> NetworkError {
    refused(vec![named("bad", operation)])
}

/// A good 3 × 3 convolution of the input, requantised.
fn good() -> Convolution {
    let requant = vec![Requant::new(1 << 14, 0, 20); 3];
    let output = Output::Requantised { requant, clamp: Clamp::full(0) };
    Convolution { output, ..convolution(SHAPE, 3, 1, Window::square(3, 1, 1), vec![1; 54]) }
}

fn changed(change: impl FnOnce(&mut Convolution)) -> NetworkError {
    let mut c = good();
    change(&mut c);
    bad(Operation::Convolution(c))
}

fn requantised(change: impl FnOnce(&mut Vec<Requant>, &mut Clamp)) -> NetworkError {
    changed(|c| {
        let Output::Requantised { requant, clamp } = &mut c.output else { unreachable!("requantised") };
        change(requant, clamp);
    })
}

fn fc(input: Source, inputs: usize, w: Vec<i8>) -> FullyConnected {
    let outputs = w.len().checked_div(inputs).unwrap_or(0);
    FullyConnected { input, inputs, outputs, weights: Weights::Int8 { w }, output: Output::Raw }
}

#[test]
fn the_good_one_is_good() {
    Network::new("net", SHAPE, vec![named("good", Operation::Convolution(good()))]).unwrap();
}

#[test]
fn networks() {
    assert_eq!(refused(vec![]), NetworkError::Empty { network: "net".into() });
    let layer = named("good", Operation::Convolution(good()));
    let input = Shape::new(4, 0, 2);
    let error = Network::new("net", input, vec![layer]).unwrap_err();
    assert_eq!(error, NetworkError::EmptyInput { network: "net".into(), input });
}

#[test]
fn sources() {
    for reads in [0, 1, 7] {
        let error = changed(|c| c.input = Source::Layer(reads));
        assert_eq!(error, NetworkError::Source { layer: "bad".into(), index: 0, reads });
    }
    let raw = named("raw", Operation::FullyConnected(fc(Source::Input, 32, vec![1; 32])));
    let reader = named("bad", Operation::FullyConnected(fc(Source::Layer(0), 1, vec![1])));
    let error = refused(vec![raw, reader]);
    assert_eq!(error, NetworkError::RawInside { layer: "raw".into(), next: "bad".into() });
    // As a residual too.
    let raw = named("raw", Operation::Convolution(Convolution { output: Output::Raw, ..good() }));
    let mut c = good();
    c.residual = Some(Residual { source: Source::Layer(0), stride: 1, first: 0 });
    let error = refused(vec![raw, named("bad", Operation::Convolution(c))]);
    assert!(matches!(error, NetworkError::RawInside { .. }), "{error}");
}

#[test]
fn sizes_and_lengths() {
    let layer = || "bad".to_owned();
    let error = changed(|c| c.inputs = 0);
    assert_eq!(error, NetworkError::Size { layer: layer(), inputs: 0, outputs: 3 });
    let error = changed(|c| c.outputs = 0);
    assert_eq!(error, NetworkError::Size { layer: layer(), inputs: 2, outputs: 0 });
    let error = changed(|c| c.inputs = 3);
    assert_eq!(error, NetworkError::Chain { layer: layer(), inputs: 3, previous: 2 });
    for groups in [0, 2, 3] {
        let error = changed(|c| c.groups = groups);
        assert_eq!(error, NetworkError::Groups { layer: layer(), groups, inputs: 2, outputs: 3 });
    }
    let error = changed(|c| c.weights = Weights::Int8 { w: vec![1; 53] });
    assert_eq!(error, NetworkError::Length { layer: layer(), what: "weights", found: 53, expected: 54 });
    let error = requantised(|requant, _| requant.truncate(2));
    let what = "requantisation constants";
    assert_eq!(error, NetworkError::Length { layer: layer(), what, found: 2, expected: 3 });
    let error = bad(Operation::FullyConnected(fc(Source::Input, 31, vec![1; 31])));
    assert_eq!(error, NetworkError::Flatten { layer: layer(), inputs: 31, input: SHAPE });
    let error =
        bad(Operation::FullyConnected(FullyConnected { outputs: 2, ..fc(Source::Input, 32, vec![1; 32]) }));
    assert_eq!(error, NetworkError::Length { layer: layer(), what: "weights", found: 32, expected: 64 });
    let error = bad(Operation::FullyConnected(fc(Source::Input, 32, vec![])));
    assert_eq!(error, NetworkError::Size { layer: layer(), inputs: 32, outputs: 0 });
    assert!(named("bad", Operation::Convolution(good())).check(&[SHAPE, SHAPE]).is_err());
}

#[test]
fn windows() {
    let sizes = [
        Window::square(5, 1, 0),
        Window::square(0, 1, 1),
        Window::square(3, 0, 1),
        Window { dilation: [1, 0], ..Window::square(3, 1, 1) },
        // Spans 1 + 2·3 = 7 of 4 + 2.
        Window { dilation: [1, 3], ..Window::square(3, 1, 1) },
        Window::square(3, 1, usize::MAX),
    ];
    for window in sizes {
        let expected = NetworkError::Window { layer: "bad".into(), window: window.into(), size: [4, 4] };
        assert_eq!(changed(|c| c.window = window), expected);
        assert_eq!(bad(Operation::MaxPool(MaxPool { input: Source::Input, window })), expected);
        let (requant, clamp) = (Requant::ZERO, Clamp::full(0));
        let pool = AveragePool { input: Source::Input, window, zero_point: 0, requant, clamp };
        assert_eq!(bad(Operation::AveragePool(pool)), expected);
    }
    // 7 of 4 + 3 fits.
    let window = Window { dilation: [1, 3], behind: [1, 2], ..Window::square(3, 1, 1) };
    let c = Convolution { window, ..good() };
    Network::new("net", SHAPE, vec![named("good", Operation::Convolution(c))]).unwrap();
}

#[test]
fn max_pools_of_nothing() {
    let pool = |window| Operation::MaxPool(MaxPool { input: Source::Input, window });
    let empty = |window: Window, axis, output| {
        let expected = NetworkError::EmptyWindow { layer: "bad".into(), axis, output, window: window.into() };
        assert_eq!(bad(pool(window)), expected);
    };
    empty(Window { before: [2, 0], ..Window::square(2, 1, 0) }, "row", 0);
    empty(Window { behind: [0, 2], ..Window::square(2, 1, 0) }, "column", 4);
    // Padding smaller than the kernel, but the dilated kernel steps over the image: rows −3 and 4 of 0…3.
    empty(Window { before: [3, 0], dilation: [7, 1], behind: [1, 0], ..Window::square(2, 1, 0) }, "row", 0);
    for window in [Window::square(3, 2, 1), Window { behind: [1, 1], ..Window::square(2, 1, 1) }] {
        Network::new("net", SHAPE, vec![named("good", pool(window))]).unwrap();
    }
}

#[test]
fn weights_and_constants() {
    let layer = || "bad".to_owned();
    let set = WeightSet::Ternary;
    let error = changed(|c| {
        let mut codes = vec![1; 54];
        codes[20] = 2;
        c.weights = Weights::Constrained { set, codes };
    });
    assert_eq!(error, NetworkError::Weight { layer: layer(), channel: 1, index: 2, k: 2, set });
    let error = changed(|c| c.weights = Weights::Constrained { set: WeightSet::Binary, codes: vec![0; 54] });
    assert!(matches!(error, NetworkError::Weight { channel: 0, index: 0, k: 0, .. }), "{error}");
    let error = requantised(|_, clamp| *clamp = Clamp { zero_point: 0, low: 1, high: 0 });
    assert_eq!(error, NetworkError::Clamp { layer: layer(), low: 1, high: 0 });
    let fault = |change: fn(&mut Requant)| match requantised(|requant, _| change(&mut requant[2])) {
        NetworkError::Requant { channel: 2, fault, .. } => fault,
        error => panic!("{error}"),
    };
    assert_eq!(fault(|r| r.shift = 0), RequantFault::Shift(0));
    assert_eq!(fault(|r| r.residual_shift = 25), RequantFault::ResidualShift(25));
    assert_eq!(fault(|r| r.residual = 5), RequantFault::NoResidual(5));
    // 18·128·2^14 + 2^47 − 2^22 is beyond 48 bits.
    assert!(matches!(fault(|r| r.bias = (1 << 47) - (1 << 22)), RequantFault::Product { .. }));
}

#[test]
fn accumulators() {
    // 128·128 each; 2^17 of them are 2^31, one too many.
    let wide = Shape::vector(1 << 17);
    let weights = |sign: i8| Operation::FullyConnected(fc(Source::Input, 1 << 17, vec![sign; 1 << 17]));
    let error = Network::new("net", wide, vec![named("bad", weights(-128))]).unwrap_err();
    assert_eq!(error, NetworkError::Accumulator { layer: "bad".into(), channel: 0, bound: 1 << 31 });
    Network::new("net", wide, vec![named("good", weights(127))]).unwrap();
    let pixels = Shape::new(1, 1, 1 << 17);
    let c = convolution(pixels, 1, 1, Window::square(1, 1, 0), vec![-128; 1 << 17]);
    let error = Network::new("net", pixels, vec![named("bad", Operation::Convolution(c))]).unwrap_err();
    assert_eq!(error, NetworkError::Accumulator { layer: "bad".into(), channel: 0, bound: 1 << 31 });
    let image = Shape::new(1 << 12, 1 << 12, 1);
    let (requant, clamp) = (Requant::ZERO, Clamp::full(0));
    let window = Window::square(1 << 12, 1, 0);
    let pool = AveragePool { input: Source::Input, window, zero_point: 0, requant, clamp };
    let error = Network::new("net", image, vec![named("bad", Operation::AveragePool(pool))]).unwrap_err();
    assert_eq!(error, NetworkError::Accumulator { layer: "bad".into(), channel: 0, bound: 1 << 31 });
}

#[test]
fn residuals() {
    let output = Shape::new(4, 4, 3);
    for (stride, first) in [(2, 0), (0, 0), (1, 2), (1, usize::MAX)] {
        let error = changed(|c| c.residual = Some(Residual { source: Source::Input, stride, first }));
        assert_eq!(
            error,
            NetworkError::Residual { layer: "bad".into(), tensor: SHAPE, stride, first, output }
        );
    }
    let residual = Some(Residual { source: Source::Input, stride: 1, first: 1 });
    let error = changed(|c| {
        c.residual = residual;
        c.output = Output::Raw;
    });
    assert_eq!(error, NetworkError::RawResidual { layer: "bad".into() });
    // Channels 1 and 2 have an operand, 0 has none.
    let with = |channel: usize| {
        let mut c = Convolution { residual, ..good() };
        if let Output::Requantised { requant, .. } = &mut c.output {
            requant[channel].residual = 1;
        }
        Operation::Convolution(c)
    };
    let fault = RequantFault::NoResidual(1);
    assert_eq!(bad(with(0)), NetworkError::Requant { layer: "bad".into(), channel: 0, fault });
    Network::new("net", SHAPE, vec![named("good", with(1)), named("good", with(2))]).unwrap();
}

#[test]
fn pools_sums_and_concatenations() {
    let layer = || "bad".to_owned();
    let pool = |requant, clamp| {
        let window = Window::square(4, 1, 0);
        bad(Operation::AveragePool(AveragePool {
            input: Source::Input,
            window,
            zero_point: 0,
            requant,
            clamp,
        }))
    };
    let empty = Clamp { zero_point: 0, low: 1, high: 0 };
    assert_eq!(pool(Requant::ZERO, empty), NetworkError::Clamp { layer: layer(), low: 1, high: 0 });
    let error = pool(Requant { residual: 1, ..Requant::ZERO }, Clamp::full(0));
    let fault = RequantFault::NoResidual(1);
    assert_eq!(error, NetworkError::Requant { layer: layer(), channel: 0, fault });

    let conv = named("conv", Operation::Convolution(good()));
    let inputs = [Source::Input, Source::Layer(0)];
    let add = |requant| Operation::Add(Add { inputs, requant, clamp: Clamp::full(0) });
    let error = refused(vec![conv, named("bad", add(Requant::ZERO))]);
    assert_eq!(error, NetworkError::Add { layer: layer(), first: SHAPE, second: Shape::new(4, 4, 3) });
    let add = |requant, clamp| bad(Operation::Add(Add { inputs: [Source::Input; 2], requant, clamp }));
    assert_eq!(add(Requant::ZERO, empty), NetworkError::Clamp { layer: layer(), low: 1, high: 0 });
    let error = add(Requant { shift: 48, ..Requant::ZERO }, Clamp::full(0));
    let fault = RequantFault::Shift(48);
    assert_eq!(error, NetworkError::Requant { layer: layer(), channel: 0, fault });

    let pool = Operation::MaxPool(MaxPool { input: Source::Input, window: Window::square(2, 2, 0) });
    let concat = |inputs: &[Source]| named("bad", Operation::Concat(Concat { inputs: inputs.to_vec() }));
    let error = refused(vec![named("pool", pool), concat(&inputs)]);
    assert_eq!(error, NetworkError::Concat { layer: layer(), first: SHAPE, other: Shape::new(2, 2, 2) });
    assert_eq!(refused(vec![concat(&[])]), NetworkError::NoInputs { layer: layer() });
}

#[test]
fn inputs_of_another_length() {
    let network = Network::new("net", SHAPE, vec![named("good", Operation::Convolution(good()))]).unwrap();
    let error = run_network(&network, &[0; 63], 2).unwrap_err();
    assert_eq!(error, NetworkError::Input { network: "net".into(), found: 63, images: 2, inputs: 32 });
    assert!(run_network(&network, &[], usize::MAX).is_err());
}
