#include "event/read_aside.hpp"

#include <utility>

namespace freshet {

namespace {
/// Takes what a spout emits into one batch, however much that is.
class gatherer final : public spout_host {
 public:
  gatherer(const stream_type& type, batch_layout layout) : type_(type), layout_(layout), got_(type.make(layout)) {
    round_.host = this;
    round_.wanted = 1;
    round_.capacity = ~std::uint32_t{0};
    round_.raw = got_.get();
  }
  spout_round& round() { return round_; }
  std::unique_ptr<any_batch> take() { return std::move(got_); }

 private:
  void message_failed(spout_round&, std::uint32_t, call_frame&) override {}
  void message_rejected(spout_round&, const position*, call_frame&, error, std::string) override {}
  void round_full(spout_round& round) override {
    layout_.capacity *= 2;
    std::unique_ptr<any_batch> bigger(type_.make(layout_));
    for (std::size_t i = 0; i < got_->size(); ++i) type_.append(*got_, i, *bigger);
    got_ = std::move(bigger);
    round.raw = got_.get();
  }

  const stream_type& type_;
  batch_layout layout_;
  std::unique_ptr<any_batch> got_;
  spout_round round_;
};
}  // namespace

std::unique_ptr<any_batch> read_aside(spout_operator& spout, const position& extent, batch_layout layout) {
  layout.capacity = 8;
  gatherer aside(spout.type(), layout);
  try {
    spout.read({extent.partition, extent.offset, extent.next}, aside.round());
    return aside.take();
  } catch (...) {
    return nullptr;  // the letter goes without its bytes
  }
}

}  // namespace freshet
