//! A scripted stand-in for a model API.
//!
//! Real agent CLIs (`codex`, `claude`) are pointed at a [`Server`] on 127.0.0.1 that answers from a
//! [`Script`] instead of thinking. The CLI under test is the real one: it parses real server-sent
//! events, runs the commands it is told to run in its real sandbox, and meets real failures.
//!
//! ```
//! use mock_models::{Script, Server, Step};
//!
//! let script = Script::steps([
//!     Step::shell("echo hello > greeting.txt"),
//!     Step::text("Wrote greeting.txt."),
//! ]);
//! let server = Server::start(script)?;
//! println!("point the agent at {}", server.base_url());
//! // ... run the agent, then look at what it sent:
//! assert_eq!(server.requests().len(), 0);
//! # Ok::<(), mock_models::StartError>(())
//! ```
//!
//! # Scripts
//!
//! A script is a list of conversations; the first whose `match` and `model` fit a request answers
//! it. A conversation is a list of steps: the answers to the first, second, ... request of one run.
//! The [`script`] module documents every key, with examples; `mock-models --help` repeats them.
//!
//! # Dialects
//!
//! How a request is read and an answer is spelled on the wire is the business of one module per
//! API: [`mod@responses`] speaks `OpenAI` Responses, [`mod@messages`] Anthropic Messages. Another API is one more module beside it and one
//! more arm in `dialect::for_request`.

pub mod agents;
pub mod claude_home;
pub mod codex_home;
mod dialect;
pub mod messages;
mod nowhere;
mod patch;
pub mod responses;
pub mod script;
mod server;

pub use codex_home::CodexHome;
pub use script::{Answer, Call, Conversation, Failed, Http, Malformed, Place, Script, ScriptError, Step, Usage};
pub use server::{Options, Request, Server, StartError, TimedOut};
