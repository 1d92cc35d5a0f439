#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/event_time.hpp"
#include "freshet/base/hash.hpp"
#include "freshet/base/ids.hpp"
#include "freshet/base/result.hpp"
#include "freshet/core/grouping.hpp"

// What a checkpoint says, as plain values: the same for both engines.
namespace freshet {

/// The layout of manifests and state files. A change of either is a new number.
inline constexpr std::uint32_t checkpoint_format = 1;

/// How long an epoch is kept: until there are newer ones, or until somebody deletes it.
enum class checkpoint_kind : std::uint8_t { checkpoint, savepoint };

/// What a state file is to those before it in its node's list.
enum class state_file_kind : std::uint8_t {
  full,   ///< the states of its groups: what comes before it says nothing of them
  delta,  ///< what has changed in them since
  store,  ///< a file of a state store, in the store's own format
};

/// A file of the directory that belongs to a node's state. Any number of epochs may list the same one.
struct state_file {
  std::string name{};
  state_file_kind kind = state_file_kind::full;
  key_group_range groups{};
  std::uint64_t size = 0;  ///< in bytes
  /// Of a store's file: of its bytes, see `checksum_of_file`. Of the others: of the index at their end, which has the
  /// checksums of the groups.
  std::uint64_t checksum = 0;
  std::string store_name{};  ///< what the store calls it, where it is one's
  friend bool operator==(const state_file&, const state_file&) = default;
};

struct checkpoint_node {
  std::string name{};  ///< the stable one, by which a later run finds its state
  std::string kind{};  ///< "spout", "bolt" or "sink"
  std::uint32_t parallelism = 1;
  std::uint32_t max_parallelism = 1;        ///< key groups; 1 where it has no key
  std::string key_type{}, state_type{};     ///< readable names; empty where there is none
  bool decides = false;                     ///< a sink that says itself which epochs it has committed
  std::vector<std::string> stream_types{};  ///< of what it emits, its main output first
  std::string codec{};                      ///< the layout of its state, see core/layout.hpp; empty without state
  std::uint32_t codec_version = 0;
  std::uint64_t keys = 0;           ///< with a state, at the time
  std::vector<state_file> files{};  ///< oldest first
  friend bool operator==(const checkpoint_node&, const checkpoint_node&) = default;
};

/// Offsets [from, to) of messages that are finished.
struct finished_interval {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  friend bool operator==(const finished_interval&, const finished_interval&) = default;
};

/// An epoch names so many of a partition at most, the first ones: 64 KiB. Messages beyond those are read again.
inline constexpr std::size_t max_finished_intervals = 4096;

/// How far a partition of a spout has been read.
struct checkpoint_partition {
  std::string node{};
  std::string name{};                         ///< as the spout calls it
  std::uint64_t offset = 0;                   ///< everything before it is finished; where reading goes on
  std::vector<finished_interval> finished{};  ///< beyond `offset`, ascending: they are read past
  event_time watermark = beginning_of_time;
  std::string clock{};  ///< the state of its watermark policy
  bool has_ended = false;
  std::string saved{};  ///< what the spout keeps beside the offset; empty in a record of the log: as in those before it
  friend bool operator==(const checkpoint_partition&, const checkpoint_partition&) = default;
};

/// Makes `known`, what is known of a partition, what a later epoch says of it.
void update(checkpoint_partition& known, checkpoint_partition newer);

/// The watermark of an input of a node.
struct checkpoint_watermark {
  /// In place of an input: that of all of them together, which idle ones don't hold back.
  static constexpr std::uint32_t all_inputs = ~std::uint32_t{0};
  std::string node{};
  std::uint32_t input = 0;
  event_time watermark = beginning_of_time;
  friend bool operator==(const checkpoint_watermark&, const checkpoint_watermark&) = default;
};

/// What a task of a sink has prepared and is to be committed.
struct sink_token {
  std::string node{};
  std::uint32_t task = 0;
  std::string bytes{};
  friend bool operator==(const sink_token&, const sink_token&) = default;
};

/// Everything about one epoch but the states themselves.
struct checkpoint_manifest {
  std::uint32_t hash_version = freshet::hash_version;  ///< of keys to key groups
  std::uint64_t history = 0;
  std::optional<epoch_id> parent{};  ///< where its history began, if it is not the directory's first
  std::uint64_t epoch = 0;
  checkpoint_kind kind = checkpoint_kind::checkpoint;
  bool is_final = false;  ///< the end of the input: nothing comes after it
  event_time made_at{};   ///< by the clock for people
  std::string topology{};
  std::vector<checkpoint_node> nodes{};
  std::vector<checkpoint_partition> partitions{};
  std::vector<checkpoint_watermark> watermarks{};
  std::vector<sink_token> tokens{};
  friend bool operator==(const checkpoint_manifest&, const checkpoint_manifest&) = default;
};

/// "checkpoint", "full" and the like.
std::string_view to_string(checkpoint_kind) noexcept;
std::string_view to_string(state_file_kind) noexcept;

/// The bytes of a manifest: format version, length, the values as `codec` writes them, and a checksum of all of it.
std::string encode(const checkpoint_manifest& manifest);
/// What `encode` wrote. Errors name `where`; one of a newer format is errc::unsupported, damage errc::data_loss.
result<checkpoint_manifest> decode_manifest(std::string_view bytes, const std::string& where);

}  // namespace freshet
