//! The kernels against plain loops, on small integers: every sum is then exact in f32, so results compare exactly.

use cbp_numerics::{Shape, Window};
use proptest::prelude::*;

use super::product::{self, Kernel, Start};
use super::reads::Reads;
use super::weight_gradient::weight_gradient;
use crate::aligned::Aligned;
use cbp_data::rng::{Purpose, below, keyed};

/// A convolution with its operands.
#[derive(Clone, Debug)]
struct Case {
    images: usize,
    input: Shape,
    output: Shape,
    groups: usize,
    window: Window,
    x: Aligned,
    w: Aligned,
    dy: Aligned,
}

impl Case {
    fn new(
        images: usize,
        input: Shape,
        outputs: usize,
        groups: usize,
        window: Window,
        seed: u64,
    ) -> Option<Self> {
        let [height, width] = window.output([input.height, input.width])?;
        let output = Shape::new(height, width, outputs);
        let mut rng = keyed(seed, Purpose::Weights, 0, 0);
        let mut integers = |len: usize| (0..len).map(|_| below(&mut rng, 9) as f32 - 4.0).collect();
        Some(Self {
            images,
            input,
            output,
            groups,
            window,
            x: integers(images * input.values()),
            w: integers(outputs * window.area() * input.channels / groups),
            dy: integers(images * output.values()),
        })
    }

    fn kernel(&self) -> Kernel<'_> {
        Kernel {
            weights: &self.w,
            outputs: self.output.channels,
            inputs: self.input.channels,
            groups: self.groups,
            taps: self.window.area(),
        }
    }

    /// Calls `visit` with the index of x, w and y of every product.
    fn each_product(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let (i, o) = (self.input, self.output);
        let (ci, co) = (i.channels / self.groups, o.channels / self.groups);
        for image in 0..self.images {
            for oy in 0..o.height {
                for ox in 0..o.width {
                    for r in 0..self.window.kernel[0] {
                        for c in 0..self.window.kernel[1] {
                            let at = (self.window.at(0, oy, r, i.height), self.window.at(1, ox, c, i.width));
                            let (Some(y), Some(x)) = at else { continue };
                            for channel in 0..o.channels {
                                for k in 0..ci {
                                    let input = (channel / co) * ci + k;
                                    let tap = r * self.window.kernel[1] + c;
                                    visit(
                                        ((image * i.height + y) * i.width + x) * i.channels + input,
                                        (channel * self.window.area() + tap) * ci + k,
                                        ((image * o.height + oy) * o.width + ox) * o.channels + channel,
                                    );
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn check(&self) {
        let forward = Reads::forward(self.input, &self.window, self.output);
        let backward = Reads::backward(self.input, &self.window, self.output);

        let bias: Vec<f32> = (0..self.output.channels).map(|c| c as f32).collect();
        let mut expected: Vec<f32> = bias.iter().copied().cycle().take(self.dy.len()).collect();
        self.each_product(|x, w, y| expected[y] += self.x[x] * self.w[w]);
        let mut y = vec![f32::NAN; self.dy.len()];
        product::forward(&mut y, self.kernel(), &forward, &self.x, Start::Bias(&bias));
        assert_eq!(y, expected, "forward");

        let mut expected = vec![0.0; self.x.len()];
        self.each_product(|x, w, y| expected[x] += self.dy[y] * self.w[w]);
        let mut dx = vec![f32::NAN; self.x.len()];
        product::backward(&mut dx, self.kernel(), &backward, &self.dy, Start::Zero);
        assert_eq!(dx, expected, "input gradient");
        product::backward(&mut dx, self.kernel(), &backward, &self.dy, Start::Result);
        for dx in &mut expected {
            *dx *= 2.0;
        }
        assert_eq!(dx, expected, "input gradient, added");

        let mut expected = vec![0.0; self.w.len()];
        self.each_product(|x, w, y| expected[w] += self.dy[y] * self.x[x]);
        let mut dw = vec![f32::NAN; self.w.len()];
        weight_gradient(&mut dw, self.kernel(), &forward, &self.x, &self.dy);
        assert_eq!(dw, expected, "weight gradient");
    }
}

fn windows() -> impl Strategy<Value = Window> {
    let pair = |range: std::ops::Range<usize>| [range.clone(), range];
    (pair(1..4), pair(1..4), pair(1..3), pair(0..3), pair(0..3)).prop_map(
        |(kernel, stride, dilation, before, behind)| Window { kernel, stride, dilation, before, behind },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn convolutions_of_every_form(
        window in windows(),
        (images, height, width) in (1_usize..3, 1_usize..9, 1_usize..9),
        (groups, inputs, outputs) in (1_usize..4, 1_usize..24, 1_usize..24),
        seed: u64,
    ) {
        let input = Shape::new(height, width, inputs * groups);
        let case = Case::new(images, input, outputs * groups, groups, window, seed);
        prop_assume!(case.is_some());
        case.unwrap().check();
    }

    #[test]
    fn wide_layers(images in 1_usize..40, inputs in 1_usize..700, outputs in 1_usize..150, seed: u64) {
        let case = Case::new(images, Shape::vector(inputs), outputs, 1, Window::square(1, 1, 0), seed);
        case.unwrap().check();
    }
}

#[test]
fn sums_of_several_blocks_and_tasks() {
    for (images, input, outputs, window) in [
        (3, Shape::new(13, 11, 70), 67, Window::square(3, 1, 1)),
        (2, Shape::new(19, 17, 3), 64, Window::square(7, 2, 3)),
        (260, Shape::vector(1030), 130, Window::square(1, 1, 0)),
        (1, Shape::new(40, 40, 16), 16, Window::square(3, 2, 1)),
    ] {
        Case::new(images, input, outputs, 1, window, 5).unwrap().check();
    }
}

/// Not a test: prints GFLOP/s of the kernels at layers of VGG-7 and ResNet-18, one thread.
#[test]
#[ignore = "a measurement"]
fn rates() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    println!("roof {:.1} GFLOP/s", super::fma_roof(std::time::Duration::from_millis(300)).best);
    pool.install(|| {
        for (name, images, input, outputs, window) in [
            ("vgg conv1", 32, Shape::new(32, 32, 3), 128, Window::square(3, 1, 1)),
            ("vgg conv2", 32, Shape::new(32, 32, 128), 128, Window::square(3, 1, 1)),
            ("vgg conv3", 32, Shape::new(16, 16, 128), 256, Window::square(3, 1, 1)),
            ("vgg conv5", 32, Shape::new(8, 8, 256), 512, Window::square(3, 1, 1)),
            ("vgg conv4", 32, Shape::new(16, 16, 256), 256, Window::square(3, 1, 1)),
            ("vgg conv6", 32, Shape::new(8, 8, 512), 512, Window::square(3, 1, 1)),
            ("res conv1", 4, Shape::new(224, 224, 3), 64, Window::square(7, 2, 3)),
            ("res layer1", 4, Shape::new(56, 56, 64), 64, Window::square(3, 1, 1)),
            ("res layer2.0", 4, Shape::new(56, 56, 64), 128, Window::square(3, 2, 1)),
            ("res layer2", 4, Shape::new(28, 28, 128), 128, Window::square(3, 1, 1)),
            ("res layer4", 8, Shape::new(7, 7, 512), 512, Window::square(3, 1, 1)),
            ("res down", 8, Shape::new(14, 14, 256), 512, Window::square(1, 2, 0)),
            ("mlp", 128, Shape::vector(1024), 1024, Window::square(1, 1, 0)),
            ("mlp first", 128, Shape::vector(784), 1024, Window::square(1, 1, 0)),
            ("vgg fc", 32, Shape::vector(8192), 1024, Window::square(1, 1, 0)),
        ] {
            let case = Case::new(images, input, outputs, 1, window, 5).unwrap();
            let forward = Reads::forward(case.input, &case.window, case.output);
            let backward = Reads::backward(case.input, &case.window, case.output);
            let (mut y, mut dx, mut dw) = (case.dy.clone(), case.x.clone(), case.w.clone());
            let macs = images * case.output.positions() * case.w.len();
            let mut best = [f64::MAX; 3];
            for _ in 0..8 {
                let time = |work: &mut dyn FnMut()| {
                    let start = std::time::Instant::now();
                    work();
                    start.elapsed().as_secs_f64()
                };
                let times = [
                    time(&mut || product::forward(&mut y, case.kernel(), &forward, &case.x, Start::Zero)),
                    time(&mut || product::backward(&mut dx, case.kernel(), &backward, &case.dy, Start::Zero)),
                    time(&mut || weight_gradient(&mut dw, case.kernel(), &forward, &case.x, &case.dy)),
                ];
                for (best, time) in best.iter_mut().zip(times) {
                    *best = best.min(time);
                }
            }
            let rates = best.map(|time| 2e-9 * macs as f64 / time);
            println!("{name:<14} {:6.1} {:6.1} {:6.1} GFLOP/s", rates[0], rates[1], rates[2]);
        }
    });
}
