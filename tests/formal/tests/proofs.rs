//! Every property is proven, and every broken copy of its module refuted.
#![allow(clippy::unwrap_used)]

use cbp_formal::Property;

fn holds(properties: &[Property]) {
    assert!(!properties.is_empty());
    for property in properties {
        let outcome = property.decide().unwrap();
        println!("{} ({:.2} s)", property.name, outcome.time.as_secs_f64());
        assert!(outcome.holds(), "{}: {outcome:?}", property.name);
    }
}

#[test]
fn the_array_multiplies_and_adds() {
    holds(&cbp_formal::array::properties().unwrap());
}

#[test]
fn requantisation_is_the_formula() {
    holds(&cbp_formal::requantise::properties().unwrap());
}

#[test]
fn queues_lose_nothing() {
    holds(&cbp_formal::queues::properties().unwrap());
}

#[test]
fn rings_are_never_overrun() {
    holds(&cbp_formal::rings::properties().unwrap());
}

#[test]
fn axi_rules_hold() {
    holds(&cbp_formal::axi::properties().unwrap());
}
