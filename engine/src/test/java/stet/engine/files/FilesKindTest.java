package stet.engine.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component;
import stet.engine.component.ComponentDefinition;
import stet.engine.component.Setting;

class FilesKindTest {
  private final FilesKind kind = new FilesKind();

  @Test
  void makesAComponent() {
    Component media =
        create(
            Map.of(
                "path",
                "/srv/media/",
                "exclude",
                List.of("*.tmp"),
                "on_change",
                "warn",
                "on_unreadable",
                "skip"));
    assertThat(media.name()).isEqualTo("media");
    assertThat(media.kind()).isEqualTo(kind.key()).isEqualTo("files");
    assertThat(((FilesComponent) media).path().toString()).isEqualTo("/srv/media");
  }

  @Test
  void theMainSettingComesFirst() {
    assertThat(kind.settings().getFirst().key()).isEqualTo("path");
    assertThat(kind.settings().getFirst().required()).isTrue();
    assertThat(kind.settings()).extracting(Setting::documentation).allMatch(d -> d.endsWith("."));
  }

  @Test
  void refusesUnusableValuesWithTheirPlace() {
    refuses(Map.of(), "path: is missing");
    refuses(Map.of("path", "media"), "path: must be an absolute path, not \"media\"");
    refuses(Map.of("path", "/"), "path: must be a directory below /");
    refuses(Map.of("path", "/srv/../etc"), "path: must not hold \"..\", but is \"/srv/../etc\"");
    refuses(Map.of("path", "/a\0b"), "path: holds a NUL character");
    refuses(Map.of("path", "/m", "on_change", "ignore"), "on_change: unknown word \"ignore\"");
    refuses(Map.of("path", "/m", "on_unreadable", ""), "on_unreadable: unknown word \"\"");
    refuses(
        Map.of("path", "/m", "exclude", List.of("ok", "[x")),
        "exclude: pattern \"[x\" has a [ without a ]");
  }

  private void refuses(Map<String, Object> settings, String message) {
    assertThatExceptionOfType(StetException.class)
        .isThrownBy(() -> create(settings))
        .withMessage("stet.yaml:7:3: media." + message)
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFIGURATION));
  }

  private Component create(Map<String, Object> settings) {
    return kind.create(new ComponentDefinition("media", new HashMap<>(settings), "stet.yaml:7:3"));
  }
}
