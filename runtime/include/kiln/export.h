#pragma once

/// Marks a function or class of the public interface. Everything else in Kiln's libraries has hidden visibility.
#define KILN_API __attribute__((visibility("default")))
