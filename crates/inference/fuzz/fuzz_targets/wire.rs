//! Requests as protobuf: whatever decodes is a request whose tensors hold what their shapes say, or
//! one line that says why not.

#![no_main]

use foresite_inference::Request;
use foresite_inference::proto::ModelInferRequest;
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

fuzz_target!(|bytes: &[u8]| {
    let Ok(wire) = ModelInferRequest::decode(bytes) else { return };
    match Request::from_wire(wire) {
        Ok(request) => {
            for input in &request.inputs {
                assert_eq!(input.shape.iter().product::<usize>(), input.data.len());
            }
        }
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
});
