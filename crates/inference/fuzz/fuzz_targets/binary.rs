//! Requests with tensors behind their JSON: whatever comes is a request whose tensors hold what their
//! shapes say, or one line that says why not. The first two bytes are the length of the JSON.

#![no_main]

use foresite_inference::Request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((json_bytes, body)) = bytes.split_first_chunk() else { return };
    match Request::from_binary(body, usize::from(u16::from_le_bytes(*json_bytes))) {
        Ok(request) => {
            for input in &request.inputs {
                assert_eq!(input.shape.iter().product::<usize>(), input.data.len());
            }
        }
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
});
