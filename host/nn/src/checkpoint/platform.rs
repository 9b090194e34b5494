//! What float results depend on besides the program's input.

/// Order of sums in the kernels, which results follow; raised when it changes.
const KERNELS: &str = "kernels 1";

/// Architecture, instruction sets that the matrix product chooses between, and versions.
pub(super) fn platform() -> String {
    let features = features().into_iter().filter_map(|(name, is_present)| is_present.then_some(name));
    let features: Vec<&str> = features.collect();
    let versions = format!("cbp-nn {}, {KERNELS}", env!("CARGO_PKG_VERSION"));
    format!("{} [{}], {versions}", std::env::consts::ARCH, features.join(" "))
}

#[cfg(target_arch = "x86_64")]
fn features() -> [(&'static str, bool); 3] {
    [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ]
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> [(&'static str, bool); 0] {
    []
}
