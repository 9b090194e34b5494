use super::*;

fn proto(kind: i32, dims: &[i64], raw: &[u8]) -> TensorProto {
    TensorProto {
        dims: dims.to_vec(),
        data_type: Some(kind),
        raw_data: Some(raw.to_vec().into()),
        ..TensorProto::default()
    }
}

fn floats(proto: &TensorProto) -> (Vec<f32>, Option<&'static str>) {
    let (tensor, converted) = Tensor::read(proto, "w").unwrap();
    (tensor.floats(), converted)
}

#[test]
fn half_precision_becomes_f32() {
    // 1.5 and −0.25 in both formats.
    let half = proto(data_type::FLOAT16, &[2], &[0x00, 0x3e, 0x00, 0xb4]);
    assert_eq!(floats(&half), (vec![1.5, -0.25], Some("f16")));
    let brain = proto(data_type::BFLOAT16, &[2], &[0xc0, 0x3f, 0x80, 0xbe]);
    assert_eq!(floats(&brain), (vec![1.5, -0.25], Some("bf16")));
    let mut typed = proto(data_type::FLOAT16, &[1], &[]);
    typed.int32_data = vec![0x3e00];
    assert_eq!(floats(&typed), (vec![1.5], Some("f16")));
    let double = proto(data_type::DOUBLE, &[1], &0.1_f64.to_le_bytes());
    assert_eq!(floats(&double), (vec![0.1], Some("f64")));
}

#[test]
fn integers_keep_their_sign() {
    for (kind, raw, expected) in [
        (data_type::INT8, &[0xff][..], -1),
        (data_type::UINT8, &[0xff], 255),
        (data_type::INT16, &[0xff, 0xff], -1),
        (data_type::UINT16, &[0xff, 0xff], 65535),
        (data_type::INT32, &[0xfe, 0xff, 0xff, 0xff], -2),
        (data_type::UINT32, &[0xff, 0xff, 0xff, 0xff], 4_294_967_295),
        (data_type::INT64, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], -2),
        (data_type::BOOL, &[1], 1),
    ] {
        let (tensor, converted) = Tensor::read(&proto(kind, &[], raw), "k").unwrap();
        assert_eq!((tensor.integers(), converted), (Some(&[expected][..]), None), "type {kind}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for (tensor, expected) in [
        (proto(data_type::FLOAT, &[2], &[0; 4]), "tensor w: its shape is [2], but it has 1 values"),
        (proto(data_type::FLOAT, &[1], &[0; 5]), "tensor w: its shape is [1], but it has 0 values"),
        (proto(data_type::FLOAT, &[-1], &[0; 4]), "tensor w: its shape is [-1]"),
        (
            proto(data_type::FLOAT, &[i64::MAX, 4], &[0; 4]),
            "tensor w: its shape is [9223372036854775807, 4], but",
        ),
        (proto(8, &[1], &[0; 4]), "tensor w: its element type has number 8"),
    ] {
        let message = Tensor::read(&tensor, "w").unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
    let external = TensorProto { data_location: Some(1), ..proto(data_type::FLOAT, &[1], &[]) };
    let message = Tensor::read(&external, "w").unwrap_err().to_string();
    assert!(message.contains("values are in another file; save the model as one file"), "{message}");
}
