// A small device with the accelerator's ports: serves the rings and copies segment 1 to segment 2.
// Register offsets and identity values are `defines written by the test from cbp-isa. AXI data: 64 bits.
module cbp_accelerator (
    input clock, input reset,
    input s_axil_awvalid, output s_axil_awready, input [15:0] s_axil_awaddr,
    input s_axil_wvalid, output s_axil_wready, input [31:0] s_axil_wdata, input [3:0] s_axil_wstrb,
    output reg s_axil_bvalid, input s_axil_bready, output [1:0] s_axil_bresp,
    input s_axil_arvalid, output s_axil_arready, input [15:0] s_axil_araddr,
    output reg s_axil_rvalid, input s_axil_rready, output reg [31:0] s_axil_rdata, output [1:0] s_axil_rresp,
    output reg m_axi_arvalid, input m_axi_arready, output reg [63:0] m_axi_araddr, output reg [7:0] m_axi_arlen,
    output [2:0] m_axi_arsize, output [1:0] m_axi_arburst, output reg [7:0] m_axi_arid,
    input m_axi_rvalid, output m_axi_rready, input [63:0] m_axi_rdata, input [1:0] m_axi_rresp, input m_axi_rlast,
    input [7:0] m_axi_rid,
    output reg m_axi_awvalid, input m_axi_awready, output reg [63:0] m_axi_awaddr, output reg [7:0] m_axi_awlen,
    output [2:0] m_axi_awsize, output [1:0] m_axi_awburst, output reg [7:0] m_axi_awid,
    output reg m_axi_wvalid, input m_axi_wready, output [63:0] m_axi_wdata, output [7:0] m_axi_wstrb,
    output m_axi_wlast,
    input m_axi_bvalid, output m_axi_bready, input [1:0] m_axi_bresp, input [7:0] m_axi_bid,
    output [3:0] irq, output wrapper_reset_req
);
    localparam IDLE = 0, FETCH = 1, COMMAND = 2, NEXT = 3, READ = 4, WRITE = 5, FINISH = 6, ENTRY = 7, WEDGED = 8;
    reg [3:0] state;
    reg [31:0] command_lo, command_hi, completion_lo, completion_hi, producer, consumer, written, taken;
    reg [3:0] command_log2, completion_log2, irq_status, irq_enable;
    reg enable, halted, wedged, soft_reset, reset_done;
    reg [31:0] burst_limit, dma_timeout, stuck, error_code, abort_until, latch;
    reg [63:0] error_address, cycles;
    reg [63:0] command [0:15];
    reg [63:0] data [0:511];
    reg [9:0] beats, sent, received;
    reg [63:0] from, to, begun;
    reg [31:0] left, runs, status, copied;

    assign s_axil_bresp = 0;
    assign s_axil_rresp = 0;
    assign m_axi_arsize = 3;
    assign m_axi_awsize = 3;
    assign m_axi_arburst = 1;
    assign m_axi_awburst = 1;
    assign m_axi_rready = state == COMMAND || state == READ;
    assign m_axi_bready = 1;
    assign m_axi_wstrb = 8'hff;
    assign m_axi_wdata = data[sent[8:0]];
    assign m_axi_wlast = sent + 1 == beats;
    assign irq = irq_status & irq_enable;
    assign wrapper_reset_req = wedged;

    // Registers.
    wire write = s_axil_awvalid && s_axil_wvalid && !s_axil_bvalid;
    assign s_axil_awready = write;
    assign s_axil_wready = write;
    assign s_axil_arready = !s_axil_rvalid;
    wire [9:0] to_page_from = 10'd512 - {1'b0, from[11:3]};
    wire [9:0] to_page_to = 10'd512 - {1'b0, to[11:3]};
    reg [9:0] chunk;
    always @(*) begin
        chunk = burst_limit[12:3];
        if (to_page_from < chunk) chunk = to_page_from;
        if (to_page_to < chunk) chunk = to_page_to;
        if (left[31:3] < {19'd0, chunk}) chunk = left[12:3];
    end

    wire moving = (m_axi_rvalid && m_axi_rready) || (m_axi_wvalid && m_axi_wready) || m_axi_bvalid;
    wire [31:0] command_index = consumer & ((32'd1 << command_log2) - 1);
    wire [31:0] entry_index = written & ((32'd1 << completion_log2) - 1);
    wire phase = !written[completion_log2 +: 1];

    always @(posedge clock) begin
        cycles <= cycles + 1;
        if (s_axil_bready) s_axil_bvalid <= 0;
        if (s_axil_rready) s_axil_rvalid <= 0;
        if (write) begin
            s_axil_bvalid <= 1;
            case (s_axil_awaddr)
                `CONTROL: begin
                    if (s_axil_wdata[0]) begin soft_reset <= 1; reset_done <= 0; end
                    if (s_axil_wdata[1] && halted) begin halted <= 0; abort_until <= producer; error_code <= 0; error_address <= 0; end
                end
                `BURST_LIMIT: burst_limit <= s_axil_wdata;
                `DMA_TIMEOUT: dma_timeout <= s_axil_wdata;
                `IRQ_STATUS: irq_status <= irq_status & ~s_axil_wdata[3:0];
                `IRQ_ENABLE: irq_enable <= s_axil_wdata[3:0];
                `QUEUE_COMMAND_BASE_LO: command_lo <= s_axil_wdata;
                `QUEUE_COMMAND_BASE_HI: command_hi <= s_axil_wdata;
                `QUEUE_COMMAND_LOG2: command_log2 <= s_axil_wdata[3:0];
                `QUEUE_COMMAND_PRODUCER: producer <= s_axil_wdata;
                `QUEUE_COMPLETION_BASE_LO: completion_lo <= s_axil_wdata;
                `QUEUE_COMPLETION_BASE_HI: completion_hi <= s_axil_wdata;
                `QUEUE_COMPLETION_LOG2: completion_log2 <= s_axil_wdata[3:0];
                `QUEUE_COMPLETION_CONSUMER: taken <= s_axil_wdata;
                `QUEUE_ENABLE: enable <= s_axil_wdata[0];
                default: ;
            endcase
        end
        if (s_axil_arvalid && s_axil_arready) begin
            s_axil_rvalid <= 1;
            case (s_axil_araddr)
                `MAGIC: s_axil_rdata <= `MAGIC_VALUE;
                `ISA_VERSION: s_axil_rdata <= `ISA_VERSION_VALUE;
                `CONFIG_ARRAY: s_axil_rdata <= `CONFIG_ARRAY_VALUE;
                `CONFIG_SET: s_axil_rdata <= `CONFIG_SET_VALUE;
                `CONFIG_ACTIVATIONS: s_axil_rdata <= `CONFIG_ACTIVATIONS_VALUE;
                `CONFIG_WEIGHTS: s_axil_rdata <= `CONFIG_WEIGHTS_VALUE;
                `CONFIG_PARAMETERS: s_axil_rdata <= `CONFIG_PARAMETERS_VALUE;
                `CONFIG_OUTPUTS: s_axil_rdata <= `CONFIG_OUTPUTS_VALUE;
                `CONFIG_RESIDUALS: s_axil_rdata <= `CONFIG_RESIDUALS_VALUE;
                `CONFIG_LINES: s_axil_rdata <= `CONFIG_LINES_VALUE;
                `DMA_ADDRESS_BITS: s_axil_rdata <= 64;
                `STATUS: s_axil_rdata <= {28'd0, wedged, halted, state != IDLE, reset_done};
                `ERROR_CODE: s_axil_rdata <= error_code;
                `ERROR_ADDRESS_LO: begin s_axil_rdata <= error_address[31:0]; latch <= error_address[63:32]; end
                `CYCLES_LO: begin s_axil_rdata <= cycles[31:0]; latch <= cycles[63:32]; end
                `ERROR_ADDRESS_HI, `CYCLES_HI: s_axil_rdata <= latch;
                `BURST_LIMIT: s_axil_rdata <= burst_limit;
                `IRQ_STATUS: s_axil_rdata <= {28'd0, irq_status};
                `QUEUE_COMMAND_PRODUCER: s_axil_rdata <= producer;
                `QUEUE_COMMAND_CONSUMER: s_axil_rdata <= consumer;
                `QUEUE_COMPLETION_PRODUCER: s_axil_rdata <= written;
                `QUEUE_COMPLETION_CONSUMER: s_axil_rdata <= taken;
                `QUEUE_ENABLE: s_axil_rdata <= {31'd0, enable};
                default: s_axil_rdata <= 0;
            endcase
        end

        // One job at a time, one burst at a time.
        if (m_axi_arready) m_axi_arvalid <= 0;
        if (m_axi_awready) m_axi_awvalid <= 0;
        if (m_axi_wvalid && m_axi_wready) begin
            sent <= sent + 1;
            if (m_axi_wlast) m_axi_wvalid <= 0;
        end
        stuck <= moving || state == IDLE || state == WEDGED ? 0 : stuck + 1;
        case (state)
            IDLE: if (enable && !halted && !soft_reset && consumer != producer && written - taken < (1 << completion_log2)) begin
                m_axi_arvalid <= 1;
                m_axi_araddr <= {command_hi, command_lo} + {25'd0, command_index, 7'd0};
                m_axi_arlen <= 15;
                m_axi_arid <= m_axi_arid + 1;
                received <= 0;
                begun <= cycles;
                copied <= 0;
                status <= 0;
                state <= COMMAND;
            end
            COMMAND: if (m_axi_rvalid) begin
                command[received[3:0]] <= m_axi_rdata;
                received <= received + 1;
                if (m_axi_rresp != 0) status <= 1;
                if (m_axi_rlast) state <= FETCH;
            end
            FETCH: begin
                from <= command[6];
                to <= command[8];
                left <= command[7][31:0];
                runs <= command[3][63:32];
                state <= status != 0 ? FINISH : NEXT;
                if ($signed(abort_until - consumer) > 0) begin status <= 6; state <= FINISH; end
                else if (command[9][31:0] < command[7][31:0]) begin status <= 5; state <= FINISH; error_address <= command[8]; end
            end
            NEXT: if (left == 0 && runs == 1) state <= FINISH;
                else if (left == 0) begin
                    runs <= runs - 1;
                    left <= command[7][31:0];
                    command[6] <= command[6] + {32'd0, command[12][63:32]};
                    command[8] <= command[8] + {32'd0, command[13][31:0]};
                    from <= command[6] + {32'd0, command[12][63:32]};
                    to <= command[8] + {32'd0, command[13][31:0]};
                end else begin
                    m_axi_arvalid <= 1;
                    m_axi_araddr <= from;
                    m_axi_arlen <= chunk[7:0] - 1;
                    m_axi_arid <= m_axi_arid + 1;
                    beats <= chunk;
                    received <= 0;
                    state <= READ;
                end
            READ: if (m_axi_rvalid) begin
                data[received[8:0]] <= m_axi_rdata;
                received <= received + 1;
                if (m_axi_rresp != 0 && status == 0) begin status <= 1; error_address <= from; end
                if (m_axi_rlast && (m_axi_rresp != 0 || status != 0)) state <= FINISH;
                else if (m_axi_rlast) begin
                    m_axi_awvalid <= 1;
                    m_axi_awaddr <= to;
                    m_axi_awlen <= beats[7:0] - 1;
                    m_axi_wvalid <= 1;
                    sent <= 0;
                    state <= WRITE;
                end
            end
            WRITE: if (m_axi_bvalid) begin
                copied <= copied + {22'd0, beats};
                from <= from + {51'd0, beats, 3'd0};
                to <= to + {51'd0, beats, 3'd0};
                left <= left - {19'd0, beats, 3'd0};
                state <= NEXT;
                if (m_axi_bresp != 0) begin status <= 2; error_address <= to; state <= FINISH; end
            end
            FINISH: begin
                data[0] <= command[0];
                data[1] <= {consumer, status};
                data[2] <= {copied, cycles[31:0] - begun[31:0]};
                data[3] <= {phase, 63'd0};
                m_axi_awvalid <= 1;
                m_axi_awaddr <= {completion_hi, completion_lo} + {27'd0, entry_index, 5'd0};
                m_axi_awlen <= 3;
                m_axi_awid <= m_axi_awid + 1;
                m_axi_wvalid <= 1;
                beats <= 4;
                sent <= 0;
                state <= ENTRY;
                consumer <= consumer + 1;
                if (status != 0 && status != 6) begin halted <= 1; error_code <= status; end
            end
            ENTRY: if (m_axi_bvalid) begin
                written <= written + 1;
                if (command[1][0]) irq_status[0] <= 1;
                if (halted) irq_status[1] <= 1;
                state <= IDLE;
            end
            default: ;
        endcase
        if (dma_timeout != 0 && stuck >= dma_timeout) begin
            state <= WEDGED;
            wedged <= 1;
            error_code <= 7;
            error_address <= m_axi_araddr;
            irq_status[2] <= 1;
        end
        if (reset || (soft_reset && state == IDLE)) begin
            state <= IDLE;
            {producer, consumer, written, taken, abort_until, error_code, stuck} <= 0;
            {enable, halted, wedged, soft_reset, irq_status, irq_enable} <= 0;
            {error_address, cycles, burst_limit, dma_timeout} <= {64'd0, 64'd0, 32'd256, 32'd0};
            {m_axi_arvalid, m_axi_awvalid, m_axi_wvalid} <= 0;
            reset_done <= !reset;
        end
        if (reset) {s_axil_bvalid, s_axil_rvalid} <= 0;
    end
endmodule
