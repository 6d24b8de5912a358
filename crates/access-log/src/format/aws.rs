//! Load balancers and S3 of Amazon Web Services.

use crate::{
    found::Role,
    notation::template_of,
    template::{Template, Variable},
    text::Escapes,
};

const ALB: &str = "$type $time $elb $client $target $request_processing_time $target_processing_time \
    $response_processing_time $elb_status_code $target_status_code $received_bytes $sent_bytes \"$request\" \
    \"$user_agent\" $ssl_cipher $ssl_protocol $target_group_arn \"$trace_id\"";

const ELB: &str = "$time $elb $client $backend $request_processing_time $backend_processing_time \
    $response_processing_time $elb_status_code $backend_status_code $received_bytes $sent_bytes \"$request\"";

const S3: &str = "$bucket_owner $bucket [$time] $remote_ip $requester $request_id $operation $key \"$request\" \
    $http_status $error_code $bytes_sent $object_size $total_time $turn_around_time \"$referer\" \"$user_agent\"";

/// Returns the format of the application load balancer. Later versions have more fields behind.
pub(crate) fn alb() -> Template {
    built(ALB)
}

/// Returns the format of the classic load balancer.
pub(crate) fn elb() -> Template {
    built(ELB)
}

/// Returns the format of the server access logs of S3.
pub(crate) fn s3() -> Template {
    built(S3)
}

fn built(format: &str) -> Template {
    let template = template_of(format, &variable, Escapes::Backslash, false);
    let template = template.unwrap_or_else(|fault| unreachable!("{fault:?} in {format}"));
    Template { open_end: true, ..template }
}

fn variable(name: &str) -> Variable {
    match name {
        "time" => Variable::new(Role::Time, 0),
        "client" => Variable::new(Role::ClientAndPort, 0),
        "remote_ip" => Variable::new(Role::Client, 0),
        "requester" => Variable { wild: false, ..Variable::new(Role::User, 0) },
        "bucket" => Variable::new(Role::ServerName, 0),
        "elb_status_code" | "http_status" => Variable::new(Role::Status, 0),
        "received_bytes" => Variable::new(Role::BytesReceived, 0),
        "sent_bytes" | "bytes_sent" => Variable::new(Role::BytesSent, 0),
        "request" => Variable::new(Role::Request, 0),
        "user_agent" | "referer" | "trace_id" => Variable::other(true),
        _ => Variable::other(false),
    }
}
