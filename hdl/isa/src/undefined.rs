//! What a program must not ask for: no device refuses it, and none says what it gives.

/// Instruction and case.
pub const UNDEFINED: &[(&str, &str)] = &[
    (
        "all",
        "two engines that use the same words, and no tokens that put them in order; more than 255 tokens held",
    ),
    ("LOAD", "8-bit weights with a LENGTH that is not a multiple of 8"),
    (
        "LOAD",
        "8-bit weights that write a beat twice: digits of one LOAD collide through DIGIT_STEP, STEP0, STEP1 or where the \
         buffer wraps",
    ),
    (
        "PACK",
        "a byte of a window, rounded up to a beat, at place 2^19 of its line or behind it; a line of a window that is number \
         2^19 or above: both are kept in 20 bits, signed",
    ),
    ("PACK", "reading what is left of a window's last word behind its last byte"),
    (
        "COMPUTE",
        "a step at a column or row above 32,767: coordinates are kept in 16 bits, signed, and wrap (WIDTH and HEIGHT may be \
         larger; negative ones are padding)",
    ),
    ("COMPUTE", "LANE_FIRST + LANE_COUNT above K"),
    ("COMPUTE", "a digit shift of 3"),
    ("COMPUTE", "LO above HI"),
    ("COMPUTE", "raw with OUT_BASE, OUT_STEP3 or OUT_STEP4 that is not a multiple of 4"),
    (
        "COMPUTE",
        "results kept in activation words that the same COMPUTE reads; sign masks in granules that its results go to",
    ),
    ("COMPUTE", "a parameter record with S outside 1…47, or with acc·M + B + r·R outside 48 signed bits"),
    ("registers", "a BURST_LIMIT that is not in its list"),
];
