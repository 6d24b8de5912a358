//! What a middleware does: method, route, service and region are known where the route is, and the tenant comes with the
//! request.

use std::hint::black_box;

use super::record;
use crate::{
    contestants::{Contestant, Ours},
    figures::{PathFigures, Target},
    label_sets::{LabelSets, Pattern, Walk},
    race::{race, Effort, Entrant},
};

pub(super) fn measure(effort: Effort) -> Vec<PathFigures> {
    let sets = LabelSets::standard();
    let labels = sets.labels();
    let sequence = Pattern::EightyTwenty.sequence(labels.len());
    // One for each of the routes, and for each call the scope and the tenant of the label set that it stands for.
    let routes = &labels[..LabelSets::PER_TENANT];
    let calls: Vec<_> =
        (0..).zip(&labels).map(|(index, labels)| (index % routes.len(), labels.tenant)).collect();
    let line_up = || {
        let ours = Ours::new(&labels);
        let scopes: Vec<_> = routes.iter().map(|route| ours.accounting.scope(route)).collect();
        for (scope, tenant) in &calls {
            scopes[*scope].incr_request(tenant);
        }
        let mut walk = Walk::new(&calls, &sequence);
        let scoped = Entrant::new("scope and tenant", Ours::KIND, move || {
            let (scope, tenant) = walk.step();
            scopes[*scope].incr_request(black_box(tenant));
        });
        vec![scoped, record::entrant::<Ours>(&labels, &sequence).named("5 labels")]
    };
    let standings = race(effort, line_up);
    let mut path = PathFigures::new(
        "scope 80/20",
        "one counter by 16 scopes and 128 tenants, the same 2,048 label sets: `scope.incr_request(tenant)`",
    );
    standings.tell(&mut path);
    let ratio = standings.ratio("scope and tenant", "5 labels");
    path.ratio("scope / full call", ratio, Some(Target::AtMost(0.5)));
    vec![path]
}
