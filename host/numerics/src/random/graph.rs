//! Whole networks.

use super::pieces::Pieces;
use super::{Options, Random};
use crate::build::ConvolutionSpec;
use crate::{Network, NetworkError, Source};

/// A random network: convolutions of all kinds, pools, residuals, concatenations, sums, sometimes a head of fully
/// connected layers, sometimes a raw last layer. Every tensor but the last is read.
///
/// # Errors
/// Those of [`Network::new`]; a fault of this function.
pub fn graph(options: &Options, seed: u64) -> Result<Network, NetworkError> {
    let mut random = Random(seed ^ 0x6772_6170_6800);
    let input = options.input(&mut random);
    let mut pieces = Pieces::new(input, options, random);
    let mut all = vec![Source::Input];
    let mut last = Source::Input;
    let target = 1 + pieces.random().below(options.layers);
    while pieces.builder.len() < target {
        last = block(&mut pieces, last, &all)?;
        all.push(last);
    }
    match pieces.random().below(4) {
        0 => {
            last = pieces.global_average_pool(last)?;
            pieces.fully_connected(last, true)?;
        }
        1 => {
            last = pieces.fully_connected(last, false)?;
            pieces.fully_connected(last, true)?;
        }
        2 => {
            // A raw convolution, as a detector's head has it.
            let outputs = options.outputs(pieces.random());
            let window = options.same(pieces.random());
            let spec = pieces.spec(last, outputs, window);
            pieces.convolution(ConvolutionSpec { range: None, ..spec })?;
        }
        _ => {}
    }
    pieces.builder.finish("graph")
}

/// A layer or a few after `last`; `all` are the outputs of blocks before, to reach back to.
fn block(pieces: &mut Pieces, last: Source, all: &[Source]) -> Result<Source, NetworkError> {
    let options = pieces.options.clone();
    let shape = pieces.builder.shape(last);
    match pieces.random().below(16) {
        0 | 1 => {
            let outputs = options.outputs(pieces.random());
            let window = options.window(shape, pieces.random());
            let spec = pieces.spec(last, outputs, window);
            pieces.convolution(spec)
        }
        2 | 3 => {
            let outputs = options.outputs(pieces.random());
            let window = options.same(pieces.random());
            let spec = pieces.spec(last, outputs, window);
            let spec = pieces.grouped(spec);
            pieces.convolution(spec)
        }
        4 => {
            // Depthwise and pointwise, as in MobileNet.
            let window = options.window(shape, pieces.random());
            let spec = pieces.depthwise(last, window);
            let deep = pieces.convolution(spec)?;
            pointwise(pieces, deep)
        }
        5..8 => {
            // Any earlier tensor of this shape may come back.
            let same: Vec<Source> =
                all.iter().copied().filter(|&source| pieces.builder.shape(source) == shape).collect();
            let shortcut = same[pieces.random().below(same.len())];
            let inner = if pieces.random().once_in(3) { last } else { same_size(pieces, last)? };
            if shape.channels > 2 * options.channels {
                return pointwise(pieces, inner);
            }
            pieces.identity(inner, shortcut)
        }
        8 if shape.channels <= options.channels => pieces.option_a(last),
        9..11 => branches(pieces, last),
        11 => {
            let window = options.pool_window(shape, pieces.random());
            pieces.average_pool(last, window)
        }
        12 | 13 => {
            let window = options.pool_window(shape, pieces.random());
            pieces.max_pool(last, window)
        }
        14 => {
            let first = same_size(pieces, last)?;
            let channels = pieces.builder.shape(first).channels;
            let spec = pieces.spec(last, channels, crate::Window::square(1, 1, 0));
            // As many outputs as the other: what the limit allowed there it allows here, with the smallest kernel.
            let name = format!("pointwise{}", pieces.builder.len());
            let second = pieces.builder.convolution(&name, &spec)?;
            pieces.add([first, second])
        }
        _ => pointwise(pieces, last),
    }
}

fn pointwise(pieces: &mut Pieces, input: Source) -> Result<Source, NetworkError> {
    let outputs = pieces.options.clone().outputs(pieces.random());
    let spec = pieces.spec(input, outputs, crate::Window::square(1, 1, 0));
    pieces.convolution(spec)
}

/// A convolution after which the image has the size it had.
fn same_size(pieces: &mut Pieces, input: Source) -> Result<Source, NetworkError> {
    let options = pieces.options.clone();
    let outputs = options.outputs(pieces.random());
    let window = options.same(pieces.random());
    let spec = pieces.spec(input, outputs, window);
    pieces.convolution(spec)
}

/// Two to four branches of one or two layers, side by side, as in Inception.
fn branches(pieces: &mut Pieces, input: Source) -> Result<Source, NetworkError> {
    let count = 2 + pieces.random().below(3);
    let mut parts = Vec::new();
    for _ in 0..count {
        let mut part = input;
        if pieces.random().once_in(4) {
            let window = crate::Window::square(3, 1, 1);
            part = pieces.max_pool(part, window)?;
        }
        // The same tensor twice is legal, but no network has it.
        if part == input || pieces.random().once_in(2) {
            part = same_size(pieces, part)?;
        }
        if pieces.random().once_in(3) {
            part = pointwise(pieces, part)?;
        }
        parts.push(part);
    }
    if pieces.random().once_in(4) {
        parts.push(input);
        parts.truncate(4);
    }
    pieces.concat(&parts)
}
