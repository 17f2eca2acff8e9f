package stet.engine.posix;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class PosixPathTest {
  @Test
  void dropsEmptyNamesAndDots() {
    assertThat(PosixPath.of("//srv/./media//").toString()).isEqualTo("/srv/media");
    assertThat(PosixPath.of("/").toString()).isEqualTo("/");
    assertThat(PosixPath.of("media/./x").toString()).isEqualTo("media/x");
  }

  @Test
  void keepsDotsThatMatter() {
    assertThat(PosixPath.of("/srv/../media").toString()).isEqualTo("/srv/../media");
    assertThat(PosixPath.of("/srv/.hidden").toString()).isEqualTo("/srv/.hidden");
    assertThat(PosixPath.of(".").toString()).isEqualTo(".");
  }

  @Test
  void tellsAbsoluteFromRelative() {
    assertThat(PosixPath.of("/srv").isAbsolute()).isTrue();
    assertThat(PosixPath.of("/").isAbsolute()).isTrue();
    assertThat(PosixPath.of("srv").isAbsolute()).isFalse();
  }

  @Test
  void printsOneLineFromWhichTheBytesCanBeTold() {
    byte[] odd = {'a', '\n', '\\', (byte) 0xff, '"', 0x1b};
    assertThat(PosixPath.printable(odd)).isEqualTo("a\\n\\\\\\xff\"\\x1b");
    assertThat(PosixPath.printable("héllo 🙂".getBytes(StandardCharsets.UTF_8)))
        .isEqualTo("héllo 🙂");
    // U+202E turns the direction of what follows, so a terminal would show another name.
    assertThat(PosixPath.printable("a\u202eb".getBytes(StandardCharsets.UTF_8)))
        .isEqualTo("a\\xe2\\x80\\xaeb");
    assertThat(PosixPath.printable(new byte[] {(byte) 0xc3})).isEqualTo("\\xc3");
    assertThat(PosixPath.printable(new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80}))
        .isEqualTo("\\xed\\xa0\\x80");
  }

  @Test
  void readsWhatItPrinted() {
    byte[] all = new byte[255];
    for (int i = 0; i < all.length; i++) {
      all[i] = (byte) (i + 1);
    }
    assertThat(PosixPath.unescaped(PosixPath.printable(all))).isEqualTo(all);
    byte[] escape = "\\n\\xff\\".getBytes(StandardCharsets.UTF_8);
    assertThat(PosixPath.unescaped(PosixPath.printable(escape))).isEqualTo(escape);
    byte[] letters = "héllo 🙂\u202e".getBytes(StandardCharsets.UTF_8);
    assertThat(PosixPath.unescaped(PosixPath.printable(letters))).isEqualTo(letters);
  }

  @Test
  void aBackslashThatBeginsNoEscapeStandsForItself() {
    for (String plain : new String[] {"\\", "a\\", "\\q", "\\x", "\\x1", "\\xg0"}) {
      assertThat(PosixPath.unescaped(plain)).asString(StandardCharsets.UTF_8).isEqualTo(plain);
    }
  }

  @Test
  void comparesByBytes() {
    PosixPath path = PosixPath.of("/srv/media");
    assertThat(PosixPath.of("/srv").resolve("media")).isEqualTo(path).hasSameHashCodeAs(path);
    assertThat(PosixPath.of("srv/media")).isNotEqualTo(path);
  }
}
