package stet.engine.postgres.archive;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.Charset;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Passes text of a server encoding on as UTF-8. Flushing passes on all whole characters. */
public final class Transcoder extends OutputStream {
  private final OutputStream out;
  private final CharsetDecoder decoder;
  private final ByteBuffer in = ByteBuffer.allocate(1 << 16);
  private final CharBuffer characters = CharBuffer.allocate(1 << 16);

  public Transcoder(OutputStream out, Charset charset) {
    this.out = out;
    this.decoder = charset.newDecoder();
  }

  /** What Java calls a server encoding, or null if it does not know it. */
  public static @Nullable Charset charset(String encoding) {
    String name =
        switch (encoding) {
          case "LATIN1", "LATIN2", "LATIN3", "LATIN4" -> "ISO-8859-" + encoding.substring(5);
          case "LATIN5" -> "ISO-8859-9";
          case "LATIN7" -> "ISO-8859-13";
          case "LATIN9" -> "ISO-8859-15";
          case "LATIN10" -> "ISO-8859-16";
          case "KOI8R" -> "KOI8-R";
          case "KOI8U" -> "KOI8-U";
          case "WIN866" -> "IBM866";
          case "WIN874" -> "x-windows-874";
          case "EUC_CN" -> "GB2312";
          default ->
              encoding
                  .toLowerCase(Locale.ROOT)
                  .replaceFirst("^win(?=125\\d$)", "windows-")
                  .replace('_', '-');
        };
    return Charset.isSupported(name) ? Charset.forName(name) : null;
  }

  @Override
  public void write(int b) throws IOException {
    in.put((byte) b);
    if (!in.hasRemaining()) {
      decode();
    }
  }

  @Override
  public void flush() throws IOException {
    decode();
    out.flush();
  }

  private void decode() throws IOException {
    in.flip();
    CoderResult result;
    do {
      result = decoder.decode(in, characters, false);
      if (result.isError()) {
        result.throwException();
      }
      characters.flip();
      out.write(characters.toString().getBytes(StandardCharsets.UTF_8));
      characters.clear();
    } while (result.isOverflow());
    in.compact();
  }
}
