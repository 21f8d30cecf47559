//! What nobody accounts for: above 0 for long, something is wrong that no node can mend by
//! itself.

use postrider_domain::Timestamp;

use super::OLD_ELSEWHERE;
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::sql::Sql;
use crate::stored::codes::OVER;

/// Beyond this it is only known that there are more.
const MOST: i64 = 10_000;

/// What is owed, stands in nobody's hand, and is not due. Counted up to 10,000 of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unaccounted {
    /// Commits whose deliveries should have been looked at, rows that cannot be read among
    /// them.
    pub commits: i64,
    /// Deliveries that a node claimed which is gone.
    pub claims: i64,
    /// Manual sends of such nodes.
    pub resends: i64,
    /// Background tasks of such nodes.
    pub tasks: i64,
    /// Wide fan-outs and operational events that failed and are put aside for a while.
    pub aside: i64,
}

impl Unaccounted {
    /// All of them.
    pub fn sum(self) -> i64 {
        self.commits + self.claims + self.resends + self.tasks + self.aside
    }
}

const NO_NODE: &str =
    "owner is not null and not exists (select 1 from node n where n.number = owner)";

/// The statements, in the order of [`Unaccounted`]'s fields.
pub(crate) fn statements(now: Timestamp) -> [Sql; 4] {
    let most = |text: String| {
        let mut sql = Sql::new("select count(*) from (select 1 from ");
        sql.push(&text).push(" limit ").bind(MOST).push(") as few");
        sql
    };
    // The sign keeps the index of times out of it, which holds all of the last minutes.
    let mut commits = Sql::new("select count(*) from (select 1 from journal where owes and +at < ");
    commits
        // Twice as old as what any node looks at.
        .bind(now.minus(OLD_ELSEWHERE * 2).micros())
        .push(" limit ")
        .bind(MOST)
        .push(") as few");
    [
        commits,
        most(format!("delivery where due_at is not null and {NO_NODE}")),
        most(format!("resend where {NO_NODE}")),
        most(format!("task where phase < {OVER} and {NO_NODE}")),
    ]
}

impl Store {
    /// Counts what nobody accounts for.
    pub async fn unaccounted(&self) -> StoreResult<Unaccounted> {
        let mut counts = [0; 4];
        for (count, sql) in counts.iter_mut().zip(statements(self.clock.now())) {
            let rows: Vec<(i64,)> = self
                .read("counting what is unaccounted for")
                .all(sql)
                .await?;
            *count = rows.first().map_or(0, |row| row.0);
        }
        let [commits, claims, resends, tasks] = counts;
        let aside = self.expansions_aside().await? + self.operational_events_aside().await?;
        Ok(Unaccounted {
            commits,
            claims,
            resends,
            tasks,
            aside,
        })
    }
}
