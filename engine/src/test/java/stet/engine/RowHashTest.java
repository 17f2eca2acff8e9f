package stet.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class RowHashTest {
  /** Key bytes 00..0f and messages 00.. of the reference implementation's vectors_sip128. */
  private static final RowHash.Key KEY = new RowHash.Key(0x0706050403020100L, 0x0f0e0d0c0b0a0908L);

  @Test
  void equalsTheReferenceVectors() {
    assertThat(hash(0)).isEqualTo("930255c71472f66de6a825ba047f81a3");
    assertThat(hash(1)).isEqualTo("45fc229b1159763444af996bd8c187da");
  }

  private static String hash(int length) {
    byte[] message = new byte[length];
    for (int i = 0; i < length; i++) {
      message[i] = (byte) i;
    }
    RowHash hash = new RowHash(KEY);
    hash.row(message, 0, length);
    return hash.text();
  }

  private static RowHash of(String... rows) {
    RowHash hash = new RowHash(KEY);
    for (String row : rows) {
      byte[] bytes = row.getBytes(StandardCharsets.UTF_8);
      hash.row(bytes, 0, bytes.length);
    }
    return hash;
  }

  @Test
  void doesNotDependOnOrder() {
    assertThat(of("a", "b", "c").text()).isEqualTo(of("c", "a", "b").text());
  }

  @Test
  void noticesDuplicatesAndValuesThatChangePlaces() {
    assertThat(of("a", "a").text()).isNotEqualTo(of().text());
    assertThat(of("a", "a", "b").text()).isNotEqualTo(of("b").text());
    assertThat(of("1\tx", "2\ty").text()).isNotEqualTo(of("1\ty", "2\tx").text());
  }

  @Test
  void sumsOfPartsAddUp() {
    RowHash parts = of("a", "b");
    parts.add(of("c"));
    parts.add(of("d").text());
    assertThat(parts.text()).isEqualTo(of("d", "c", "b", "a").text());
  }

  @Test
  void keyRoundTripsAndMatters() {
    RowHash.Key key = RowHash.Key.random();
    assertThat(RowHash.Key.parse(key.toString())).isEqualTo(key);
    RowHash other = new RowHash(key);
    other.row(new byte[] {'a'}, 0, 1);
    assertThat(other.text()).isNotEqualTo(of("a").text());
  }
}
