  // Whatever the accumulator holds, the next cycle follows from it and from the inputs.
  reg signed [WIDTH-1:0] start_from;
  always @* case (start)
    0: start_from = 0;
    1: start_from = total;
    2: start_from = total * 2;
    3: start_from = total * 4;
  endcase
  wire signed [WIDTH-1:0] result = start_from + $signed(sum) + $signed({1'b0, carry});
  reg [WIDTH-1:0] next_total, next_out;
  always @(posedge clock) begin
    next_total <= valid ? result : total;
    next_out <= last ? result : out;
  end
  always @* if (!first) begin
    assert (total == next_total);
    assert (out == next_out);
  end
