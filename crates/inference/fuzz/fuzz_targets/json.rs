//! Requests as JSON: whatever comes is a request whose tensors hold what their shapes say, or one
//! line that says why not.

#![no_main]

use foresite_inference::Request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Request::from_json(bytes) {
        Ok(request) => {
            for input in &request.inputs {
                assert_eq!(input.shape.iter().product::<usize>(), input.data.len());
                // What was read can be said again, and reads the same.
                let text = serde_json::to_string(&serde_json::json!({ "inputs": [input] }));
                let again = Request::from_json(text.expect("numbers and texts").as_bytes());
                let again = again.expect("it was read before");
                assert_eq!(again.inputs[0].shape, input.shape);
            }
        }
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
});
