package stet.engine.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.restore.InPlaceTag;

class ReservedTagsTest {
  @ParameterizedTest
  @ValueSource(
      strings = {"stet", "proof", "before-restore", "env:production", "in-place:1:2:3", "env:", ""})
  void refusesWhatStetItselfGivesAndWhatIsEmpty(String tag) {
    assertThatThrownBy(() -> ReservedTags.check(tag))
        .isInstanceOfSatisfying(
            StetException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.USAGE);
              if (!tag.isEmpty()) {
                assertThat(e.hint()).contains(ReservedTags.all());
              }
            });
  }

  @ParameterizedTest
  @ValueSource(strings = {"nightly", "environment", "in-place", "$(rm witness)", "before-restores"})
  void takesAnyOther(String tag) {
    assertThatCode(() -> ReservedTags.check(tag)).doesNotThrowAnyException();
  }

  @Test
  void knowsTheTagsThatStetWrites() {
    List<String> tags =
        SnapshotCatalog.tags(
            "production",
            List.of(new InPlaceTag("default", "1", "00000001", List.of("media")).text()));
    for (String tag : tags) {
      assertThatThrownBy(() -> ReservedTags.check(tag)).isInstanceOf(StetException.class);
    }
  }
}
