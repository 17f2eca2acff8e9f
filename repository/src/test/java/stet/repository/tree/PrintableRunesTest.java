package stet.repository.tree;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PrintableRunesTest {
  /** Graphic characters of Unicode 15.0 less its 17 kinds of space, plus the ASCII space. */
  private static final int UNICODE_15_0 = 149_014 - 17 + 1;

  /** Characters that Unicode 15.1 and 16.0 added. */
  private static final int ADDED_UP_TO_16_0 = 627 + 5_185;

  private static boolean isPrintableInJava(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.UNASSIGNED,
          Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      case Character.SPACE_SEPARATOR -> codePoint == ' ';
      default -> true;
    };
  }

  @Test
  void holdsAsManyAsUnicodeCounts() {
    int count = 0;
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      count += PrintableRunes.contains(c) ? 1 : 0;
    }
    assertThat(count).isEqualTo(UNICODE_15_0);
  }

  @Test
  void differsFromJava25OnlyByWhatUnicode16Added() {
    assumeTrue(
        Runtime.version().feature() == 25, "the numbers hold for JDK 25, which has Unicode 16.0");
    List<String> missing = new ArrayList<>();
    int added = 0;
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      if (PrintableRunes.contains(c) && !isPrintableInJava(c)) {
        missing.add(Integer.toHexString(c));
      } else if (!PrintableRunes.contains(c) && isPrintableInJava(c)) {
        added++;
      }
    }
    assertThat(missing).isEmpty();
    assertThat(added).isEqualTo(ADDED_UP_TO_16_0);
  }

  @Test
  void knowsExamples() {
    for (int c : new int[] {' ', '~', 0xa1, 0x377, 0x3001, 0xfffd, 0x1f600, 0x323af, 0xe01ef}) {
      assertThat(PrintableRunes.contains(c)).as("%x", c).isTrue();
    }
    for (int c :
        new int[] {
          0, 0x1f, 0x7f, 0x80, 0xa0, 0xad, 0x378, 0x200b, 0x2028, 0x3000, 0xd800, 0xe000, 0xfeff,
          0xffff, 0x323b0, 0xe01f0, 0x10ffff
        }) {
      assertThat(PrintableRunes.contains(c)).as("%x", c).isFalse();
    }
  }
}
