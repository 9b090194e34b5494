//! The C++ between a model and Rust: one C function per clock cycle, all ports in two arrays of words.

use std::fmt::Write;

use crate::model::Extra;
use crate::port::{Direction, Port, Source};

/// Name of every model class.
pub(crate) const PREFIX: &str = "Vdut";

/// The shim's text for a top module.
pub(crate) fn text(source: &Source<'_>, extra: Extra) -> String {
    let ports = |direction| source.ports.iter().filter(move |p| p.direction == direction);
    // Verilator's name of a port or of a signal inside.
    let member = |port: &Port| match port.direction {
        Direction::Inside => format!("rootp->{}__DOT__{}", source.top, port.name.replace('.', "__DOT__")),
        _ => port.name.clone(),
    };
    let (mut put, mut get, mut checks) = (String::new(), String::new(), String::new());
    for (text, direction) in [(&mut put, Direction::Input), (&mut get, Direction::Output)] {
        let function = if direction == Direction::Input { "put" } else { "get" };
        let mut word = 0;
        let watched = if direction == Direction::Output { Some(Direction::Inside) } else { None };
        for port in ports(direction).chain(watched.into_iter().flat_map(ports)) {
            let name = member(port);
            let _ = writeln!(text, "    {function}(top.{name}, words + {word});");
            let bytes = match port.bits {
                1..=8 => 1,
                9..=16 => 2,
                17..=32 => 4,
                33..=64 => 8,
                bits => bits.div_ceil(32) * 4,
            };
            let _ = writeln!(
                checks,
                "static_assert(sizeof(std::declval<Vdut&>().{name}) == {bytes}, \"width of port {name}\");"
            );
            word += port.words();
        }
    }
    TEMPLATE
        .replace("@TRACE@", if extra == Extra::Trace { "1" } else { "0" })
        .replace("@ROOT@", if ports(Direction::Inside).next().is_some() { ROOT } else { "" })
        .replace("@CLOCK@", source.clock)
        .replace("@CHECKS@", &checks)
        .replace("@PUT@", &put)
        .replace("@GET@", &get)
        .replace("@COVERAGE@", if extra == Extra::Coverage { COVERAGE } else { "" })
}

/// Where the signals inside are.
const ROOT: &str = "#include \"Vdut___024root.h\"\n";

/// The counters, each instance of a module by itself where Verilator keeps it apart.
const COVERAGE: &str = r#"
#include "verilated_cov.h"

EXPORT int dut_coverage(Instance* instance, const char* path) {
    try {
        instance->context.coveragep()->forcePerInstance(true);
        instance->context.coveragep()->write(path);
        return 0;
    } catch (...) { return 1; }
}
"#;

const TEMPLATE: &str = r#"// Written by verilator-sys.
#include "Vdut.h"
@ROOT@#include "verilated.h"
#if @TRACE@
#include "verilated_fst_c.h"
#endif
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

// Verilator's defaults end the process; here they end the cycle.
void vl_finish(const char*, int, const char*) { throw std::runtime_error("$finish"); }
void vl_stop(const char*, int, const char*) { throw std::runtime_error("$stop"); }
void vl_fatal(const char*, int, const char*, const char* text) { throw std::runtime_error(text); }

@CHECKS@
template <class T> static inline void put(T& port, const uint64_t* words) { port = static_cast<T>(*words); }
template <class T> static inline void get(const T& port, uint64_t* words) { *words = port; }
template <std::size_t N> static inline void put(VlWide<N>& port, const uint64_t* words) {
    std::memcpy(&port, words, 4 * N);
}
template <std::size_t N> static inline void get(const VlWide<N>& port, uint64_t* words) {
    std::memcpy(words, &port, 4 * N);
}

static void put_all(Vdut& top, const uint64_t* words) {
@PUT@}
static void get_all(const Vdut& top, uint64_t* words) {
@GET@}

struct Instance {
    VerilatedContext context;
    std::unique_ptr<Vdut> top;
    uint64_t cycle = 0;
    std::string message;
#if @TRACE@
    std::unique_ptr<VerilatedFstC> trace;
    void dump(uint64_t half) { if (__builtin_expect(trace != nullptr, 0)) trace->dump(2 * cycle + half); }
#else
    void dump(uint64_t) {}
#endif
};

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT Instance* dut_new() {
    try {
        auto instance = std::make_unique<Instance>();
        if (@TRACE@) instance->context.traceEverOn(true);
        instance->top = std::make_unique<Vdut>(&instance->context, "dut");
        return instance.release();
    } catch (...) { return nullptr; }
}

EXPORT void dut_free(Instance* instance) {
    try {
#if @TRACE@
        if (instance->trace) instance->trace->close();
#endif
        instance->top->final();
    } catch (...) {}
    delete instance;
}

// Inputs of a cycle, its settled outputs, then its rising edge.
EXPORT int dut_tick(Instance* instance, const uint64_t* inputs, uint64_t* outputs) {
    try {
        Vdut& top = *instance->top;
        put_all(top, inputs);
        top.@CLOCK@ = 0;
        top.eval();
        get_all(top, outputs);
        instance->dump(0);
        top.@CLOCK@ = 1;
        top.eval();
        instance->dump(1);
        ++instance->cycle;
        return 0;
    } catch (const std::exception& e) {
        instance->message = e.what();
    } catch (...) { instance->message = "unknown exception"; }
    return 1;
}

EXPORT const char* dut_message(const Instance* instance) { return instance->message.c_str(); }

EXPORT int dut_trace(Instance* instance, const char* path) {
#if @TRACE@
    try {
        if (instance->trace) instance->trace->close();
        instance->trace.reset();
        if (!path) return 0;
        auto trace = std::make_unique<VerilatedFstC>();
        instance->top->trace(trace.get(), 99);
        trace->open(path);
        if (!trace->isOpen()) return 1;
        instance->trace = std::move(trace);
        return 0;
    } catch (...) { return 1; }
#else
    (void)instance; (void)path;
    return 1;
#endif
}
@COVERAGE@"#;
