fn main() {
    let config = cbp_isa::Preset::named("tiny").unwrap().config(cbp_isa::WeightSet::TwoBitShift);
    match cbp_hdl::verilog(&config) {
        Ok(d) => print!("{}", d.text()),
        Err(e) => eprintln!("{e}"),
    }
}
