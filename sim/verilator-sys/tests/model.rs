//! Models from small texts: ports of every width, handshake timing, tracing, failures.

use verilator_sys::{Direction, Error, Library, Port, Source};

const WIDE: &str = "
module wide(
    input clock, input en, input [11:0] a, input [39:0] b, input [127:0] c,
    output [11:0] y, output reg [39:0] q, output reg [127:0] d
);
    assign y = en ? a : 12'd0;
    always @(posedge clock) begin q <= b + 1; d <= ~c; if (a == 12'hfff) $finish; end
endmodule
";

fn ports() -> Vec<Port> {
    vec![
        Port::input("en", 1),
        Port::input("a", 12),
        Port::input("b", 40),
        Port::input("c", 128),
        Port::output("y", 12),
        Port::output("q", 40),
        Port::output("d", 128),
    ]
}

fn source(ports: &[Port]) -> Source<'_> {
    Source { text: WIDE, top: "wide", clock: "clock", ports }
}

#[test]
fn ports_timing_and_stop() {
    let ports = ports();
    let library = Library::load(&source(&ports), false).unwrap();
    let (y, d) =
        (library.signal(Direction::Output, "y").unwrap(), library.signal(Direction::Output, "d").unwrap());
    assert_eq!((d.word, d.words), (2, 2));
    assert!(matches!(library.signal(Direction::Input, "d"), Err(Error::Port { .. })));
    let mut model = library.instance().unwrap();
    let mut other = library.instance().unwrap();
    model.inputs().copy_from_slice(&[1, 0x123, 0xff_ffff_ffff, 5, 6]);
    model.tick().unwrap();
    // Combinational outputs answer in the same cycle, registers in the next.
    assert_eq!(model.outputs()[y.word], 0x123);
    model.tick().unwrap();
    assert_eq!(model.outputs(), [0x123, 0, !5, !6]);
    other.tick().unwrap();
    other.tick().unwrap();
    assert_eq!(other.outputs(), [0, 1, !0, !0], "instances are independent");
    assert!(matches!(model.trace(Some("x.fst".as_ref())), Err(Error::NoTrace)));
    model.inputs()[1] = 0xfff;
    assert!(matches!(model.tick(), Err(Error::Stopped(_))));
}

#[test]
fn traces_start_and_stop() {
    let ports = ports();
    let library = Library::load(&source(&ports), true).unwrap();
    let mut model = library.instance().unwrap();
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(model.trace(Some("/nonexistent/x.fst".as_ref())), Err(Error::Trace(_))));
    for name in ["first.fst", "second.fst"] {
        let path = directory.path().join(name);
        model.trace(Some(&path)).unwrap();
        for i in 0..100 {
            model.inputs()[2] = i;
            model.tick().unwrap();
        }
        model.trace(None).unwrap();
        model.tick().unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > 200);
    }
}

#[test]
fn wrong_ports_and_wrong_text_are_refused() {
    let load = |text: &'static str, ports: &[Port]| {
        Library::load(&Source { text, top: "wide", clock: "clock", ports }, false).unwrap_err()
    };
    assert!(matches!(load(WIDE, &[Port::input("a", 20)]), Error::ToolFailed { tool: "g++", .. }));
    assert!(matches!(load(WIDE, &[Port::input("a; evil", 12)]), Error::Port { .. }));
    assert!(matches!(
        load("module wide(input clock; endmodule", &[]),
        Error::ToolFailed { tool: "verilator", .. }
    ));
}

const NESTED: &str = "
module leaf(input clock, input [3:0] x, output reg [3:0] q);
    wire [4:0] both = x + q;
    wire odd = ^both;
    always @(posedge clock) q <= both[3:0];
endmodule
module branch(input clock, input [3:0] x, output [3:0] q);
    wire [3:0] twice = x << 1;
    leaf leaf(.clock(clock), .x(twice), .q(q));
endmodule
module nested(input clock, input [3:0] x, output [3:0] q);
    branch branch(.clock(clock), .x(x), .q(q));
endmodule
";

#[test]
fn signals_inside() {
    let inside = |path, bits| Port::inside(path, bits);
    let ports = [
        Port::output("q", 4),
        inside("branch.leaf.odd", 1),
        Port::input("x", 4),
        inside("branch.twice", 4),
        inside("branch.leaf.both", 5),
    ];
    let source = |ports| Source { text: NESTED, top: "nested", clock: "clock", ports };
    let library = Library::load(&source(&ports), false).unwrap();
    let word = |path| library.signal(Direction::Inside, path).unwrap().word;
    assert_eq!([word("branch.leaf.odd"), word("branch.twice"), word("branch.leaf.both")], [1, 2, 3]);
    let mut model = library.instance().unwrap();
    model.inputs()[0] = 3;
    for q in [0, 6, 12, 2, 8] {
        model.tick().unwrap();
        let both: u64 = 6 + q;
        assert_eq!(model.outputs(), [q, u64::from(both.count_ones() % 2), 6, both]);
    }
    let absent = [inside("branch.leaf.absent", 1)];
    assert!(matches!(Library::load(&source(&absent), false), Err(Error::ToolFailed { .. })));
    let narrow = [inside("branch.twice", 17)];
    assert!(matches!(Library::load(&source(&narrow), false), Err(Error::ToolFailed { .. })));
}
