//! Mutants of a line of emitted Verilog.

/// What stands for what, with the blanks that the writer puts around operators.
const SWAPS: &[(&str, &str)] = &[
    (" + ", " - "),
    (" - ", " + "),
    (" & ", " | "),
    (" | ", " & "),
    (" ^ ", " & "),
    (" && ", " || "),
    (" || ", " && "),
    (" == ", " != "),
    (" != ", " == "),
    (" < ", " <= "),
    (" <= ", " < "),
    (" > ", " >= "),
    (" >= ", " > "),
    (" << ", " >> "),
    (" >> ", " << "),
    ("~", ""),
    ("(|", "(&"),
];

/// One changed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was done.
    pub what: &'static str,
    /// The line as it is now.
    pub line: String,
}

/// All mutants of a line; none of lines that declare or connect.
#[must_use]
pub fn mutants(line: &str) -> Vec<Change> {
    let trimmed = line.trim_start();
    let indent = line.len() - trimmed.len();
    let clocked = trimmed.starts_with("always @(posedge clock)");
    let condition = trimmed.starts_with("if (") || trimmed.starts_with("end else if (");
    let assignment = trimmed.ends_with(';') && trimmed.contains(" = ");
    let mut changes = Vec::new();
    // Where the expression begins.
    let start = if clocked {
        line.rfind(" <= ").map(|at| at + 4)
    } else if condition {
        line.find("if (").map(|at| at + 4)
    } else if assignment {
        line.find(" = ").map(|at| at + 3)
    } else {
        None
    };
    let Some(start) = start else { return changes };
    if condition && let Some(test) = line[start..].strip_suffix(") begin") {
        let line = format!("{}!({test})) begin", &line[..start]);
        changes.push(Change { what: "condition negated", line });
    }
    if clocked {
        // The register keeps what it has.
        let register = line[..start - 4].rsplit(' ').next().unwrap_or_default();
        let line = format!("{}{register};", &line[..start]);
        changes.push(Change { what: "assignment dropped", line });
    } else if trimmed.starts_with("assign ") || trimmed.starts_with("wire ") {
        changes.push(Change { what: "assignment dropped", line: format!("{}0;", &line[..start]) });
    } else if assignment && indent > 4 {
        // Inside a condition: what was assigned before stands.
        changes.push(Change { what: "assignment dropped", line: " ".repeat(indent) + ";" });
    }
    for (from, to) in SWAPS {
        for (at, _) in line[start..].match_indices(from) {
            let at = start + at;
            let changed = format!("{}{to}{}", &line[..at], &line[at + from.len()..]);
            changes.push(Change { what: "operator", line: changed });
        }
    }
    constants(line, start, &mut changes);
    changes
}

/// `8'd3` becomes `8'd4`, and the largest 0.
fn constants(line: &str, start: usize, changes: &mut Vec<Change>) {
    for (at, _) in line[start..].match_indices("'d") {
        let at = start + at;
        let (before, after) = (&line[..at], &line[at + 2..]);
        let width = &before[before.trim_end_matches(|c: char| c.is_ascii_digit()).len()..];
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (Ok(width), Ok(value)) = (width.parse::<u32>(), after[..digits].parse::<u64>()) else { continue };
        let mask = if width >= 64 { u64::MAX } else { (1 << width) - 1 };
        let value = value.wrapping_add(1) & mask;
        let line = format!("{before}'d{value}{}", &after[digits..]);
        changes.push(Change { what: "constant", line });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(line: &str) -> Vec<String> {
        mutants(line).into_iter().map(|c| c.line).collect()
    }

    #[test]
    fn every_operator_constant_condition_and_assignment() {
        assert_eq!(
            lines("    if (valid && (n == 2'd3)) begin"),
            [
                "    if (!(valid && (n == 2'd3))) begin",
                "    if (valid || (n == 2'd3)) begin",
                "    if (valid && (n != 2'd3)) begin",
                "    if (valid && (n == 2'd0)) begin",
            ]
        );
        assert_eq!(
            lines("  assign y = a + ~b;"),
            ["  assign y = 0;", "  assign y = a - ~b;", "  assign y = a + b;"]
        );
        assert_eq!(
            lines("  always @(posedge clock) if (reset) q <= 1'd0; else q <= q - 1'd1;"),
            [
                "  always @(posedge clock) if (reset) q <= 1'd0; else q <= q;",
                "  always @(posedge clock) if (reset) q <= 1'd0; else q <= q + 1'd1;",
                "  always @(posedge clock) if (reset) q <= 1'd0; else q <= q - 1'd0;",
            ]
        );
        assert_eq!(lines("      x = y;"), ["      ;"]);
        for line in ["    x = y;", "  input wire [3:0] a,", "module m (", "    .a(b),", "  reg q;"] {
            assert_eq!(lines(line), [""; 0], "{line}");
        }
    }
}
