//! Which events of one look somebody will get: the others are never made.

use std::collections::HashMap;

use postrider_domain::{AppId, OrgId};

use super::Scope;

/// Events of one look that a listener gets; of more it hears `reset`.
pub(crate) const EVENTS: usize = 250;

/// How many more events each scope takes: one more than a listener gets, which tells it
/// that there were too many.
#[derive(Debug)]
pub(crate) struct Wanted(HashMap<Scope, usize>);

impl Wanted {
    /// Nothing has been taken of these scopes yet.
    pub(crate) fn of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(
            scopes
                .into_iter()
                .map(|scope| (scope, EVENTS + 1))
                .collect(),
        )
    }

    /// Whether somebody gets one more event of this organisation, or of this application
    /// of it.
    pub(crate) fn takes(&mut self, org: OrgId, app: Option<AppId>) -> bool {
        let whole = self.takes_in(Scope { org, app: None });
        // Both count down: a listener to either may have too many.
        whole | (app.is_some() && self.takes_in(Scope { org, app }))
    }

    fn takes_in(&mut self, scope: Scope) -> bool {
        let Some(left) = self.0.get_mut(&scope).filter(|left| **left > 0) else {
            return false;
        };
        *left -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use postrider_domain::Timestamp;

    use super::*;

    #[test]
    fn of_what_nobody_gets_nothing_is_made() {
        let now = Timestamp::from_seconds(1);
        let (org, other) = (OrgId::mint(now), OrgId::mint(now));
        let (app, sibling) = (AppId::mint(now), AppId::mint(now));
        let mine = Scope {
            org,
            app: Some(app),
        };
        let mut wanted = Wanted::of([mine]);
        assert!(!wanted.takes(org, None));
        assert!(!wanted.takes(org, Some(sibling)) && !wanted.takes(other, Some(app)));
        let taken = (0..1_000).filter(|_| wanted.takes(org, Some(app))).count();
        assert_eq!(taken, EVENTS + 1);
        let mut wanted = Wanted::of([mine, Scope { org, app: None }]);
        let taken = (0..1_000).filter(|_| wanted.takes(org, Some(sibling)));
        assert_eq!(taken.count(), EVENTS + 1);
        assert!(!wanted.takes(org, None), "nobody gets more of all");
        assert!(wanted.takes(org, Some(app)), "of one somebody still does");
    }
}
