//! What speaks for training a task again, and what against it.

/// What speaks for training, the weightiest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// A person wants it.
    Asked,
    /// Nobody serves.
    NoModel,
    /// It learnt from marks of an epoch that was erased, and the policy wants it replaced.
    Erased,
    /// Worse than its baseline, or its probabilities do not come true, two days in a row.
    SkillDown,
    /// Intervals hold far too little, two days in a row.
    CoverageBroken,
    /// Enough of the channels moved, for good.
    Drift,
    /// The model is old.
    Scheduled,
}

/// What speaks against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Against {
    /// What came in is not fit to learn from.
    BadData,
    /// A challenger stands beside the model, about which nothing is known yet.
    InShadow,
    /// Nothing new to learn.
    TooLittleTruth,
    /// The last training was just now.
    CoolDown,
    /// Candidates since the serving model's promotion did not beat it, and too little has come since.
    WouldNotHelp,
    /// So many trainings in so many days are enough.
    Quota,
}

impl Reason {
    /// The word stored in tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::NoModel => "no_model",
            Self::Erased => "erased",
            Self::SkillDown => "skill_down",
            Self::CoverageBroken => "coverage_broken",
            Self::Drift => "drift",
            Self::Scheduled => "scheduled",
        }
    }
}

impl Against {
    /// The word stored in tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::BadData => "bad_data",
            Self::InShadow => "in_shadow",
            Self::TooLittleTruth => "too_little_truth",
            Self::CoolDown => "cool_down",
            Self::WouldNotHelp => "would_not_help",
            Self::Quota => "quota",
        }
    }
}
