//! Errors of the configuration.

use thiserror::Error;

/// A setting that [`RouteNormalizerBuilder::build`](crate::RouteNormalizerBuilder::build) refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A template doesn't begin with a slash.
    #[error("route template {template:?} is not a path: begin it with a slash")]
    TemplateNotAbsolute {
        /// The template as given.
        template: String,
    },
    /// A segment of a template is neither plain text nor a parameter.
    #[error(
        "segment {segment:?} of route template {template:?} is neither text nor a parameter: \
         write `:name`, `{{name}}`, `*name`, or one `{{name}}` with text around it"
    )]
    TemplateSegment {
        /// The template as given.
        template: String,
        /// The segment.
        segment: String,
    },
    /// A catch-all is not at the end of a template.
    #[error("catch-all of route template {template:?} is not its last segment: end the template with it")]
    TemplateCatchAll {
        /// The template as given.
        template: String,
    },
    /// Two templates match the same paths, or have the same text.
    #[error("route template {template:?} conflicts with {with:?}: remove one of them")]
    TemplateConflict {
        /// The template as given.
        template: String,
        /// The template that was added before.
        with: String,
    },
    /// A template exceeds a limit of the routes.
    #[error(
        "route template {template:?} has {bytes} bytes, {depth} segments, {parameters} parameters, \
         limits are {bytes_max}, {depth_max}, {parameters_max}: shorten it or raise the limits"
    )]
    TemplateTooLarge {
        /// The template as given.
        template: String,
        /// Its length in canonical form.
        bytes: usize,
        /// The limit on its length.
        bytes_max: usize,
        /// Its number of segments.
        depth: usize,
        /// The limit on its segments.
        depth_max: usize,
        /// Its number of parameters.
        parameters: usize,
        /// The limit on its parameters.
        parameters_max: usize,
    },
    /// The constant for unmatched routes can't be a route.
    #[error(
        "constant {constant:?} for unmatched routes is not usable: \
         give visible text without a leading slash, at most {bytes_max} bytes"
    )]
    Constant {
        /// The constant as given.
        constant: String,
        /// The limit on its length.
        bytes_max: usize,
    },
    /// An added method is not a token of HTTP.
    #[error("method {method:?} is not an HTTP token of at most {bytes_max} bytes: correct its name")]
    Method {
        /// The method as given.
        method: String,
        /// The limit on its length.
        bytes_max: usize,
    },
    /// A limit is outside its range.
    #[error("{option} is {value}, must be {min} to {max}")]
    InvalidOption {
        /// The limit, by the name of the builder's method.
        option: &'static str,
        /// The value that was asked for.
        value: u64,
        /// The least value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        let template = || "/v1/:id".to_owned();
        assert_errors!(BuildError {
            without_cause: {
                TemplateNotAbsolute => BuildError::TemplateNotAbsolute { template: template() },
                TemplateSegment => BuildError::TemplateSegment { template: template(), segment: "{".to_owned() },
                TemplateCatchAll => BuildError::TemplateCatchAll { template: template() },
                TemplateConflict => BuildError::TemplateConflict { template: template(), with: template() },
                TemplateTooLarge => BuildError::TemplateTooLarge {
                    template: template(),
                    bytes: 2, bytes_max: 1, depth: 2, depth_max: 1, parameters: 2, parameters_max: 1,
                },
                Constant => BuildError::Constant { constant: "/".to_owned(), bytes_max: 1 },
                Method => BuildError::Method { method: "a b".to_owned(), bytes_max: 1 },
                InvalidOption => BuildError::InvalidOption { option: "depth_max", value: 0, min: 1, max: 2 },
            }
            with_cause: {}
        });
    }
}
