//! The Open Inference Protocol by gRPC.

use std::sync::Arc;

use axum::body::Body;
use foresite_inference::proto::grpc_inference_service_server::{
    GrpcInferenceService, GrpcInferenceServiceServer,
};
use foresite_inference::{BINARY_TENSOR_DATA, proto};
use http::{Request as HttpRequest, Response as HttpResponse};
use tonic::{Request, Response, Status};
use tower::Service as _;

use super::punctual::Punctual;
use crate::asked::Asked;
use crate::metrics::Protocol;
use crate::refusal::{Kind, Refusal};
use crate::service::Service;

/// What paths of the protocol begin with.
const PATHS: &str = "/inference.GRPCInferenceService/";

/// All methods of the protocol.
#[derive(Debug, Clone)]
pub(crate) struct Methods(GrpcInferenceServiceServer<Grpc>);

/// The methods that a service answers.
pub(crate) fn methods(service: Arc<Service>) -> Methods {
    let most = service.config().limits.body_bytes;
    let methods = GrpcInferenceServiceServer::new(Grpc { service })
        .max_decoding_message_size(most)
        .max_encoding_message_size(usize::MAX);
    Methods(methods)
}

impl Methods {
    /// Answers a call. What is generated looks at the path by itself, without a router before it.
    pub(super) async fn answer(mut self, request: HttpRequest<Punctual>) -> HttpResponse<Body> {
        if !request.uri().path().starts_with(PATHS) {
            let text = "no such method of inference.GRPCInferenceService";
            return Status::unimplemented(text).into_http();
        }
        let Ok(response) = self.0.call(request).await;
        response.map(Body::new)
    }
}

#[derive(Debug)]
struct Grpc {
    service: Arc<Service>,
}

/// An empty version is none.
fn version(version: &str) -> Option<&str> {
    Some(version).filter(|version| !version.is_empty())
}

#[tonic::async_trait]
impl GrpcInferenceService for Grpc {
    async fn server_live(
        &self,
        _: Request<proto::ServerLiveRequest>,
    ) -> Result<Response<proto::ServerLiveResponse>, Status> {
        Ok(Response::new(proto::ServerLiveResponse { live: true }))
    }

    async fn server_ready(
        &self,
        _: Request<proto::ServerReadyRequest>,
    ) -> Result<Response<proto::ServerReadyResponse>, Status> {
        Ok(Response::new(proto::ServerReadyResponse { ready: self.service.is_ready() }))
    }

    async fn model_ready(
        &self,
        request: Request<proto::ModelReadyRequest>,
    ) -> Result<Response<proto::ModelReadyResponse>, Status> {
        let asked = request.into_inner();
        let ready = match self.service.model(&asked.name, version(&asked.version)) {
            Ok(_) => self.service.is_ready(),
            Err(refusal) if refusal.kind == Kind::Unavailable => false,
            Err(refusal) => return Err(refusal.into()),
        };
        Ok(Response::new(proto::ModelReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _: Request<proto::ServerMetadataRequest>,
    ) -> Result<Response<proto::ServerMetadataResponse>, Status> {
        Ok(Response::new(proto::ServerMetadataResponse {
            name: "foresite-serve".into(),
            version: env!("FORESITE_REVISION").into(),
            extensions: vec![BINARY_TENSOR_DATA.into()],
        }))
    }

    async fn model_metadata(
        &self,
        request: Request<proto::ModelMetadataRequest>,
    ) -> Result<Response<proto::ModelMetadataResponse>, Status> {
        let asked = request.into_inner();
        let metadata = self.service.metadata(&asked.name, version(&asked.version))?;
        Ok(Response::new(metadata.into()))
    }

    async fn model_infer(
        &self,
        request: Request<proto::ModelInferRequest>,
    ) -> Result<Response<proto::ModelInferResponse>, Status> {
        let open = Asked::begin(&self.service, Protocol::Grpc);
        let asked = request.into_inner();
        let is_raw = !asked.raw_input_contents.is_empty();
        let (name, wanted) = (asked.model_name.clone(), asked.model_version.clone());
        let outcome = match foresite_inference::Request::from_wire(asked) {
            Ok(request) => self.service.infer(&name, version(&wanted), &request).await,
            Err(error) => Err(Refusal::from(error)),
        };
        open.end(&outcome);
        Ok(Response::new(outcome?.into_wire(is_raw)))
    }
}
