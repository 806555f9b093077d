//! What follows from findings, and how sure they must be.

use traffic::health::HealthSettings;
use traffic::loss::SafetyRules;

/// What follows from findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HealthMode {
    /// Traffic moves.
    #[default]
    Act,
    /// They are told and recorded, and nothing moves: the way to begin.
    Observe,
    /// Nothing is judged.
    Off,
}

impl HealthMode {
    /// Returns its name in the configuration and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            HealthMode::Act => "act",
            HealthMode::Observe => "observe",
            HealthMode::Off => "off",
        }
    }

    /// Returns the mode of a name, if there is one.
    pub fn named(name: &str) -> Option<HealthMode> {
        [HealthMode::Act, HealthMode::Observe, HealthMode::Off].into_iter().find(|mode| mode.as_str() == name)
    }
}

/// What the watch goes by.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct HealthRules {
    pub mode: HealthMode,
    /// How sure the detector must be, and how traffic comes back.
    pub settings: HealthSettings,
    /// What may not change without a person.
    pub safety: SafetyRules,
}
