package stet.repository.json;

import org.jspecify.annotations.Nullable;

/**
 * Text that is not the JSON that was expected. The message says where and what; the caller knows
 * which file.
 */
public final class JsonException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public JsonException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
